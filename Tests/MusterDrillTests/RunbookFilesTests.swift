import Testing

@testable import MusterDrill

@Suite struct RunbookFilesTests {
    /// The runbook that the design promises to run as it stands.
    private static let poolRunbook = """
        trigger:
          alert: "PostgreSQL connection pool > 90%"
          confidence: high
        steps:
          - action: verify_hypothesis
            check: "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle'"
            threshold: "> max_connections * 0.8"
          - action: mitigate
            command: "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state = 'idle' AND \
        query_start < now() - interval '10 minutes'"
            requires_approval: false # Pre-approved for this runbook
          - action: verify_resolution
            check: "Connection pool utilization < 60%"
            timeout: 5m
          - action: notify
            message: "Connection pool exhaustion resolved. Terminated {count} idle connections."

        """

    @Test("The pool runbook is the design's, byte for byte")
    func verbatim() throws {
        #expect(
            try Files.text(Self.root + "/Deploy/runbooks/postgresql-connection-pool.yaml") == Self.poolRunbook
        )
    }

    @Test("The drill brings the runbooks of Deploy/runbooks, byte for byte")
    func embedded() throws {
        #expect(
            Files.names(in: Self.root + "/Deploy/runbooks").filter { $0.hasSuffix(".yaml") }
                == CoordinatorFiles.runbooks.keys.sorted()
        )
        for (name, text) in CoordinatorFiles.runbooks {
            #expect(try Files.text(Self.root + "/Deploy/runbooks/\(name)") == text, "\(name)")
        }
    }

    /// The package's folder, from this file's own path.
    private static var root: String {
        #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")
    }
}
