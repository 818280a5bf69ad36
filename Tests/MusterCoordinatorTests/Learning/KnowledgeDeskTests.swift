import FoundationEssentials
import GRDB
import MusterCause
import MusterCore
import MusterIncident
import MusterTesting
import Testing

@testable import MusterCoordinator

@Suite("Knowledge on disk and over the API") struct KnowledgeDeskTests {
    private static let start = Timestamp(nanoseconds: 1_795_400_000_000_000_000)

    /// A closed incident of a service whose certificate had expired.
    private static func closed(_ number: Int, kind: CauseKind = .certificate) -> Incident {
        let at = start + .seconds(number)
        let id = IncidentID(at: at)
        var incident = Incident(id: id)
        let alert = Alert(
            source: "t",
            fingerprint: "f",
            name: "CheckoutFails",
            status: .firing,
            starts: at,
            ends: nil,
            labels: [:],
            annotations: [:]
        )
        let bodies: [IncidentEvent] = [
            .opened(title: "x", service: "shop", severity: "", owner: nil),
            .alertReceived(alert: alert, intake: 1),
            .closed(
                by: "dana",
                confirmedCause: "of the gateway",
                judgement: CauseJudgement(kind: kind, grade: .none, fix: "renewed it")
            ),
        ]
        for (index, body) in bodies.enumerated() {
            _ = incident.apply(
                StoredEvent(
                    id: EventID(at: at),
                    incident: id,
                    v: 1,
                    seq: index + 1,
                    prevHash: .zero,
                    hash: .zero,
                    at: at,
                    body: body
                )
            )
        }
        return incident
    }

    private static func database() throws -> DatabaseQueue {
        let database = try DatabaseQueue()
        var migrator = DatabaseMigrator()
        KnowledgeDesk.migrate(&migrator)
        try migrator.migrate(database)
        return database
    }

    @Test("What is changed is the same after a restart, and what fails leaves nothing behind")
    func restart() async throws {
        let database = try Self.database()
        let desk = try KnowledgeDesk(database: database)
        #expect(desk.recall(IncidentSignature(Self.closed(1)), at: Self.start) == nil)
        let incident = Self.closed(1)
        for _ in 0..<2 { try await desk.learn(incident, at: Self.start) }
        try await desk.learn(Self.closed(2), at: Self.start)
        try await desk.learn(Self.closed(3, kind: .dns), at: Self.start)
        #expect(desk.all.map(\.seen) == [1, 2])
        let edited = try await desk.edit(
            incident.id,
            KnowledgeEdit(text: "of the payment gateway", fix: ""),
            by: "ana",
            at: Self.start
        )
        #expect(edited.fix == nil && edited.editor == "ana" && edited.cause == .certificate)
        let long = KnowledgeEdit(text: String(repeating: "x", count: 2_000))
        await #expect(throws: OperationError.self) {
            try await desk.edit(incident.id, long, by: "ana", at: Self.start)
        }
        await #expect(throws: OperationError.self) {
            try await desk.edit(IncidentID(at: .zero), KnowledgeEdit(text: "x"), by: "ana", at: Self.start)
        }
        let again = try KnowledgeDesk(database: database)
        #expect(again.all == desk.all)
        #expect(try await again.learned().count == 3)
        let signature = IncidentSignature(Self.closed(9))
        #expect(again.recall(signature, at: Self.start) == desk.recall(signature, at: Self.start))
        try await again.forget(incident.id)
        await #expect(throws: OperationError.self) { try await again.forget(incident.id) }
        #expect(try KnowledgeDesk(database: database).all.map(\.cause) == [.dns])
    }

    @Test("A disk that takes nothing leaves the knowledge as it was, and is said")
    func full() async throws {
        let database = try Self.database()
        let desk = try KnowledgeDesk(database: database)
        try await desk.learn(Self.closed(1), at: Self.start)
        try await database.write { db in
            try db.execute(
                sql: "CREATE TRIGGER t BEFORE INSERT ON knowledge BEGIN SELECT RAISE(ABORT, 'full'); END"
            )
        }
        let before = desk.all
        await #expect(throws: OperationError.self) { try await desk.learn(Self.closed(2), at: Self.start) }
        #expect(desk.all == before)
        #expect(try await desk.learned().count == 1)
    }

    @Test("Exported knowledge comes in elsewhere whole, once, and nothing that was tampered with does")
    func moved() async throws {
        let desk = try KnowledgeDesk(database: try Self.database())
        try await desk.learn(Self.closed(1), at: Self.start)
        try await desk.learn(Self.closed(2, kind: .dns), at: Self.start)
        let other = try KnowledgeDesk(database: try Self.database())
        let file = KnowledgeFile(exported: Self.start, items: desk.all)
        let first = try await other.take(KnowledgeImport(file: file, replace: false), at: Self.start)
        #expect(first.added == 2 && other.all == desk.all)
        let again = try await other.take(KnowledgeImport(file: file, replace: false), at: Self.start)
        #expect(again.kept == 2 && again.added == 0)
        let replaced = try await other.take(KnowledgeImport(file: file, replace: true), at: Self.start)
        #expect(replaced.replaced == 2 && other.all == desk.all)

        var wrong = file
        wrong.items[1].seen = -1
        wrong.items[0].text = "changed"
        await #expect(throws: OperationError.self) {
            try await other.take(KnowledgeImport(file: wrong, replace: true), at: Self.start)
        }
        wrong = file
        wrong.version = 2
        await #expect(throws: OperationError.self) {
            try await other.take(KnowledgeImport(file: wrong, replace: true), at: Self.start)
        }
        #expect(other.all == desk.all)
        let text = String(decoding: try JSONEncoder().encode(file), as: UTF8.self)
        let forged = text.replacing("\"share\":1", with: "\"share\":1e300")
        #expect(forged != text)
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode(KnowledgeFile.self, from: Data(forged.utf8))
        }
    }

    @Test("The calls list, show, change, forget and take in, and each change is in the audit record")
    func calls() async throws {
        try await TestAPI.run { api in
            let empty = try await api.api("GET", "knowledge", token: api.admin)
            #expect(try JSONDecoder().decode(KnowledgeFile.self, from: Data(empty.body)).items.isEmpty)
            let source = try KnowledgeDesk(database: try Self.database())
            try await source.learn(Self.closed(1), at: Self.start)
            let file = KnowledgeFile(exported: Self.start, items: source.all)
            let body = try JSONEncoder().encode(KnowledgeImport(file: file, replace: false))
            let taken = try await api.api(
                "POST",
                "knowledge",
                token: api.admin,
                String(decoding: body, as: UTF8.self)
            )
            #expect(taken.status == 200 && taken.text.contains("\"added\":1"))
            let id = try #require(source.all.first).id
            let shown = try await api.api("GET", "knowledge/\(id)", token: api.admin)
            #expect(try JSONDecoder().decode(KnowledgeItem.self, from: Data(shown.body)) == source.all.first)
            let edit = #"{"cause":"dns","fix":"another resolver"}"#
            let edited = try await api.api("POST", "knowledge/\(id)", token: api.admin, edit)
            let item = try JSONDecoder().decode(KnowledgeItem.self, from: Data(edited.body))
            #expect(item.cause == .dns && item.fix == "another resolver" && item.editor == "root")
            let refusal = try await api.api(
                "POST",
                "knowledge/\(id)",
                token: api.admin,
                #"{"cause":"gremlins"}"#
            )
            #expect(refusal.status == 400)
            #expect(try await api.api("POST", "knowledge/\(id)", token: api.admin, "{}").status == 400)
            #expect(try await api.api("DELETE", "knowledge/\(id)", token: api.admin).status == 204)
            #expect(try await api.api("GET", "knowledge/\(id)", token: api.admin).status == 404)
            #expect(try await api.api("GET", "knowledge/x", token: api.admin).status == 400)
            let actions = try await api.audit.entries(limit: 100).map(\.action)
            for action in ["knowledge.import", "knowledge.edit", "knowledge.forget"] {
                #expect(actions.contains(action))
            }
        }
    }

    @Test("Reports say how far back they go, and refuse what is no span")
    func reports() async throws {
        try await TestAPI.run { api in
            for path in ["reports/accuracy", "reports/alerts"] {
                let reply = try await api.api("GET", "\(path)?seconds=3600", token: api.admin)
                #expect(reply.status == 200)
                let since = (api.clock.now - .seconds(3600)).description
                #expect(reply.text.contains(since), "\(reply.text)")
                for wrong in ["0", "-1", "x", "999999999999"] {
                    #expect(
                        try await api.api("GET", "\(path)?seconds=\(wrong)", token: api.admin).status == 400
                    )
                }
            }
        }
    }
}
