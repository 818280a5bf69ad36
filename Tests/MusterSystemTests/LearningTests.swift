import FoundationEssentials
import Glibc
import MusterCore
import MusterIncident
import MusterTesting
import Testing

extension SystemTests {
    /// The same fault twice, before real programs: what people said of it the first time is there the second time.
    @Suite struct LearningTests {
        private struct Known: Decodable {
            let id: IncidentID
            let cause: CauseKind?
            let fix: String?
            let seen: Int
            let right: Int
        }

        private struct Accuracy: Decodable {
            struct Grades: Decodable { let exact: Int }
            let grades: Grades
            let repeats: Int
            let repeatsConfirmed: Int
        }

        private let coordinator: RealCoordinator

        init() throws { coordinator = try RealCoordinator(settings: ["heartbeat: 1s"]) }

        private func json<Value: Decodable>(_ type: Value.Type, _ text: String) throws -> Value {
            try JSONDecoder().decode(type, from: Data(text.utf8))
        }

        private func alert(_ fingerprint: String) throws -> IncidentID {
            let token = TemporaryDirectory.read(coordinator.directory.path("admin/token"))
            let header = try coordinator.directory.write(
                "header",
                Array("Authorization: Bearer \(token.filter { !$0.isWhitespace })\n".utf8)
            )
            let body =
                #"{"name": "CheckoutFails", "summary": "checkout fails", "fingerprint": "\#(fingerprint)", "#
                + #""labels": {"service": "shop"}}"#
            let text = try Programs.run(
                [
                    "curl", "-sS", "--fail", "--cacert", coordinator.authority, "-H", "@\(header)",
                    "-H", "Content-Type: application/json", "-d", body, "\(coordinator.url)/api/v1/alerts",
                ],
                in: coordinator.directory
            )
            struct Receipt: Decodable { let incidents: [IncidentID] }
            return try #require(try json(Receipt.self, text).incidents.first)
        }

        private func ranked(_ id: IncidentID) throws -> IncidentDetail {
            try coordinator.wait(for: "a hypothesis") {
                let detail = try coordinator.incident(id)
                return detail.ranking?.hypotheses.isEmpty == false ? detail : nil
            }
        }

        private func known() throws -> [Known] {
            try json([Known].self, try coordinator.muster("knowledge", "list", "--json"))
        }

        @Test func theSecondTimeShowsWhatFixedTheFirstAcrossACrash() throws {
            try coordinator.start()
            // Nothing listens there.
            let port = try Loopback.freePort()
            let agent = try RealAgent(
                "web-1",
                of: coordinator,
                settings: """
                    services: [shop]
                    dependencies:
                      - { name: cache, kind: tcp, host: 127.0.0.1, port: \(port), services: [shop] }

                    """
            )
            try agent.start()
            defer { agent.stop() }

            let first = try alert("a")
            let before = try ranked(first)
            #expect(before.ranking?.hypotheses.first?.kind == .dependencyDown)
            #expect(before.recollection == nil)
            let fix = "started the cache again"
            _ = try coordinator.muster(
                "close",
                "\(first)",
                "--cause",
                "dependency-down",
                "--cause-text",
                "the cache was gone",
                "--fix",
                fix
            )
            #expect(try known().map(\.seen) == [1])

            try coordinator.kill()
            try coordinator.start()
            _ = try coordinator.wait(for: "the host") {
                try coordinator.ask("facts", "--on", "all").answer().coverage.answered == 1 ? true : nil
            }
            let second = try alert("b")
            let after = try ranked(second)
            let match = try #require(after.recollection?.matches.first)
            #expect(match.id == first && match.fix == fix && match.seen == 1)
            let text = try coordinator.muster("incident", "show", "\(second)")
            #expect(text.contains("seen once before, last "), "\(text)")
            #expect(text.contains("dependency-down: the cache was gone; fixed by \(fix)"))

            _ = try coordinator.muster("close", "\(second)", "--confirm")
            let item = try #require(try known().first)
            #expect(item.seen == 2 && item.right == 1 && item.fix == fix)
            let report = try json(Accuracy.self, try coordinator.muster("report", "accuracy", "--json"))
            #expect(report.grades.exact == 2 && report.repeats == 1 && report.repeatsConfirmed == 1)
            #expect(try coordinator.muster("report", "alerts").contains("No alert rule is noise"))

            // It can be taken out, and brought in again from a file.
            let file = coordinator.directory.path("knowledge.json")
            _ = try coordinator.muster("knowledge", "export", "--output", file)
            _ = try coordinator.muster("knowledge", "forget", "\(item.id)")
            #expect(try known().isEmpty)
            #expect(try coordinator.muster("knowledge", "import", file).contains("Added 1"))
            _ = try coordinator.muster("knowledge", "edit", "\(item.id)", "--fix", "runbook cache")
            let shown = try coordinator.muster("knowledge", "show", "\(item.id)")
            #expect(shown.contains("runbook cache") && shown.contains("dependency-down cache"))
            let exported = coordinator.directory.path("record.jsonl")
            _ = try coordinator.muster("incident", "export", "\(second)", "--output", exported)
            _ = try coordinator.muster("incident", "replay", "--file", exported)
        }
    }
}
