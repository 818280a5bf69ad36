import FoundationEssentials
import GRDB
import MusterCore
import MusterTesting
import Testing

@testable import MusterCoordinator

/// Diffs of deploys come from pipelines that mask nothing: their secrets are gone before anything is kept.
@Suite struct ChangeSecretsTests {
    private let secret = "hunter2hunter2"
    private var diff: String {
        "@@ db.yaml\n-  password: \(secret)\n+  password: other-\(secret)\n-  pool: 40\n+  pool: 4\n"
    }

    @Test("Neither what is shown nor the database has the secrets of a change, told or posted")
    func masked() async throws {
        let harness = try LoopHarness()
        let now = harness.world.now()
        let told = Change(
            kind: .deploy,
            at: now,
            service: "shop",
            summary: "password=\(secret)",
            before: "token=\(secret)",
            diff: diff
        )
        _ = try await harness.service.recordChange(told, by: "sarah")
        let body =
            #"{"kind":"config","summary":"pool","diff":"-password: \#(secret)\n-pool: 40\n+pool: 4\n"}"#
        _ = try await harness.service.receiveChange(raw: Array(body.utf8), format: .json, from: "ci")
        let changes = await harness.service.changes(
            window: TimeWindow(from: now - .seconds(600), to: harness.world.now() + .seconds(1))
        )
        try #require(changes.count == 2)
        for change in changes {
            #expect(!"\(change)".contains(secret))
            #expect(change.diff.contains("pool: 4"))
        }
        let rows = try await harness.database.read { db in
            try Row.fetchAll(db, sql: "SELECT * FROM change").map { row in
                row.databaseValues.map { value in
                    Data.fromDatabaseValue(value).map { String(decoding: $0, as: UTF8.self) } ?? "\(value)"
                }.joined()
            }
        }
        #expect(rows.count == 2)
        #expect(rows.allSatisfy { !$0.contains(secret) })
    }
}
