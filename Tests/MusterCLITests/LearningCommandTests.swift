import ArgumentParser
import FoundationEssentials
import MusterCause
import MusterCore
import MusterIncident
import Testing

@testable import muster

@Suite("CLI: closing with a cause, knowledge, reports")
struct LearningCommandTests {
    private func request(_ arguments: String..., first: CauseKind? = nil) throws -> CloseRequest {
        try IncidentCloseCommand.parse(["latest"] + arguments).request(first: first)
    }

    @Test("a kind of cause is what is learned, words beside it are for people")
    func close() throws {
        #expect(try request() == CloseRequest())
        #expect(
            try request(
                "--cause",
                "dns",
                "--cause-text",
                "a wrong resolver",
                "--place",
                "web-1",
                "--fix",
                "put back"
            )
                == CloseRequest(cause: "a wrong resolver", kind: .dns, place: "web-1", fix: "put back")
        )
        #expect(try request("--cause", "dns", "--grade", "partly").grade == .partly)
        #expect(try request("--confirm", first: .cpu) == CloseRequest(kind: .cpu))
        #expect(throws: CLIError.self) { try request("--confirm") }
        #expect(throws: CLIError.self) { try request("--confirm", first: .unknown) }
        let alarm = try request("--false-alarm", "--cause-text", "a load test")
        #expect(alarm == CloseRequest(cause: "a load test", falseAlarm: true))
    }

    @Test("a sentence after --cause is still taken as words, a single word that is no kind is a mistake")
    func words() throws {
        #expect(try request("--cause", "a bad cable") == CloseRequest(cause: "a bad cable"))
        #expect(try request("--false-alarm", "--cause", "a load test").falseAlarm == true)
        for wrong in [
            ["--cause", "certificte"], ["--cause", "a bad cable", "--cause-text", "x"],
            ["--confirm", "--cause", "dns"], ["--confirm", "--false-alarm"],
            ["--false-alarm", "--cause", "dns"], ["--grade", "good"],
        ] {
            #expect(throws: (any Error).self, "\(wrong)") {
                try IncidentCloseCommand.parse(["latest"] + wrong)
            }
        }
    }

    @Test("the help names every kind that can be learned")
    func help() {
        let help = IncidentCloseCommand.helpMessage()
        for kind in CauseKind.allCases where kind != .unknown { #expect(help.contains(kind.rawValue)) }
        #expect(help.contains("EXAMPLES"))
    }

    @Test("an edit names what it changes, and a piece is found by a part of its id")
    func knowledge() throws {
        #expect(throws: (any Error).self) { try KnowledgeEditCommand.parse(["0193"]) }
        #expect(throws: (any Error).self) { try KnowledgeEditCommand.parse(["0193", "--cause", "gremlins"]) }
        #expect(try KnowledgeEditCommand.parse(["0193", "--fix", ""]).fix == "")
        let first = try item(1)
        let second = try item(2)
        let text = second.id.description
        #expect(try KnowledgeCommand.find(String(text.suffix(6)), in: [first, second]) == second)
        for wrong in ["abc", "zzzz", String(text.prefix(4))] {
            #expect(throws: CLIError.self, "\(wrong)") {
                try KnowledgeCommand.find(wrong, in: [first, second])
            }
        }
    }

    private func item(_ number: UInt64) throws -> KnowledgeItem {
        let at = Timestamp(nanoseconds: 1_795_400_000_000_000_000)
        let id = IncidentID(uuid: UUIDv7(at: at, random: (number, number << 20)))
        let json = """
            {"id":"\(id)","cause":"dns","text":"","service":"shop","signature":[],"seen":1,"right":0,"wrong":0,
             "mistakes":[],"first":\(try time(at)),"last":\(try time(at)),"incidents":[]}
            """
        return try JSON.decode(KnowledgeItem.self, Array(json.utf8))
    }

    private func time(_ time: Timestamp) throws -> String {
        String(decoding: try JSON.bytes([time]), as: UTF8.self).filter {
            $0 != "[" && $0 != "]" && !$0.isNewline
        }
    }

    @Test("a report says its figures in words, and none that it does not have")
    func report() throws {
        #expect(try ReportAccuracyCommand.parse(["--since", "2d"]).window.query() == "seconds=172800")
        #expect(try ReportAlertsCommand.parse([]).window.query() == "seconds=7776000")
        #expect(throws: (any Error).self) {
            try ReportAlertsCommand.parse(["--since", "soon"]).window.query()
        }
        let empty = AccuracyReport([], since: .zero, manualMinutes: 45, runbooks: [])
        let lines = ReportAccuracyCommand.lines(empty)
        #expect(lines.count == 3 && lines[1].hasPrefix("First hypotheses judged: 0"))
    }
}
