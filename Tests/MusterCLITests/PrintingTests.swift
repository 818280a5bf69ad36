import MusterCore
import MusterIncident
import Testing

@testable import muster

@Suite("CLI: reading and printing")
struct PrintingTests {
    @Test(
        "text of hosts can't move the cursor, colour, or turn around what is printed",
        arguments: [
            ("a\u{1B}[2Jb", "a\u{FFFD}[2Jb"), ("one\r\ntwo", "one\u{FFFD} two"),
            ("\u{202E}abc", "\u{FFFD}abc"),
            ("\u{9B}31m", "\u{FFFD}31m"), ("tab\there", "tab here"), ("Müller → 日本", "Müller → 日本"),
        ]
    )
    func clean(_ text: String, _ expected: String) {
        #expect(Array(Terminal.clean(text).unicodeScalars) == Array(expected.unicodeScalars))
    }

    @Test("lines of an answer are understood however they are cut", arguments: [1, 7, 4_096])
    func lines(_ size: Int) throws {
        let host = HostReference(id: .zero, name: "web-1")
        let replies = [HostReply(host: host, outcome: Outcome(.timeout), answer: nil)]
        let reply = FleetReply(question: QuestionID(at: .zero), probe: .facts, replies: replies)
        let progress = AskProgress(coverage: reply.coverage, ask: AskID(at: .zero))
        let bytes =
            try JSON.bytes(AskLine(progress: progress)) + [10]
            + JSON.bytes(AskLine(result: FleetAnswer(reply))) + [10]
        var reader = AskLineReader()
        var rest = bytes[...]
        while !rest.isEmpty {
            reader.append(Array(rest.prefix(size)))
            rest = rest.dropFirst(size)
        }
        #expect(reader.error == nil && reader.result?.coverage.summary == "answered 0/1, 1 timeout")
    }

    @Test("a host's health is its worst series with score and onset, or a word")
    func health() {
        #expect(FleetCommand.health(nil) == "-")
        var digest = HealthDigest()
        (digest.watched, digest.learning) = (100, 100)
        #expect(FleetCommand.health(digest) == "learning")
        digest.learning = 2
        #expect(FleetCommand.health(digest) == "well")
        #expect(FleetCommand.health(digest, linesSampledEvery: 8) == "well; logs sampled 1 in 8")
        digest.open = 3
        digest.worst = [
            HealthDigest.Line(
                name: "disk_busy_ratio",
                subject: "sda",
                direction: .up,
                score: 8.24,
                onset: Timestamp(nanoseconds: 1_764_036_780_000_000_000),
                value: 1,
                usual: 0.25
            )
        ]
        #expect(FleetCommand.health(digest) == "disk_busy_ratio sda 8.2 since 02:13 (+2)")
    }

    @Test("names go into a path without changing it")
    func path() {
        #expect("web-1.example_~".pathPart == "web-1.example_~")
        #expect("../a b?é".pathPart == "..%2Fa%20b%3F%C3%A9")
    }

    @Test(
        "a problem ends the command with the status that fits it",
        arguments: [
            (401, CommandStatus.denied), (403, .denied), (404, .failed), (409, .failed), (429, .tryAgain),
            (503, .tryAgain),
        ]
    )
    func statuses(_ status: Int, _ expected: CommandStatus) {
        let problem = Problem(status: status, code: "", title: "", detail: "no")
        #expect(Connection.refusal(problem).status == expected)
    }
}
