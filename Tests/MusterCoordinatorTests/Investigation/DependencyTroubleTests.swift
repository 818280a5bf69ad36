import MusterCore
import Testing

@testable import MusterCoordinator

@Suite struct DependencyTroubleTests {
    @Test(
        "How far a check came tells what is wrong",
        arguments: [
            ("http://10.0.0.3:9090: no connection: connection refused", .dependencyDown),
            ("10.0.0.3:9090: connection refused", .dependencyDown),
            ("http://10.0.0.3 accepted the connection and did not answer within 2 s", .dependencyHung),
            ("10.0.0.3:5432/shop accepted the connection and did not let us in within 3 s", .dependencyHung),
            ("10.0.0.3:5432/shop did not finish the statement within 3 s", .dependencyHung),
            ("no answer within 1 s; 4 s ago: it answered", .dependencyHung),
            ("http://10.0.0.3: no connection within 2 s", .network),
            ("10.0.0.3:9090: no route to host", .network),
            ("http://10.0.0.3: Recv failure: Connection reset by peer", .network),
            ("http://pay.internal: the name has no address", .dns),
            ("http://pay.internal: its name was not resolved within 2 s", .dns),
            ("cannot look up pay.internal: Temporary failure in name resolution", .dns),
            ("https://10.0.0.3: its certificate has expired", .certificate),
            ("https://10.0.0.3: its certificate is for another name", .certificate),
            ("cannot connect: all connection slots are taken (too many clients already)", .poolExhausted),
        ] as [(String, CauseKind)]
    )
    func reasons(reason: String, kind: CauseKind) {
        #expect(DependencyTrouble(DependencySamples.check(reason), at: nil)?.kind == kind)
    }

    @Test("A port that takes no connection is no server that hangs: nothing more was asked of it")
    func bareTCP() {
        let check = DependencySamples.check("10.0.0.3:9090: no answer within 3 s", kind: "tcp")
        #expect(DependencyTrouble(check, at: nil)?.kind == .network)
    }

    @Test("A server that answers with an error of its own is no network")
    func statuses() {
        var check = DependencySamples.check("HTTP status 500")
        check.status = 500
        #expect(DependencyTrouble(check, at: nil)?.kind == .defect)
        check.status = 502
        #expect(DependencyTrouble(check, at: nil)?.kind == .dependencyDown)
    }

    @Test("A certificate that ended is told before it is refused")
    func certificate() {
        var check = DependencySamples.check()
        check.certificateExpires = DependencySamples.now - .seconds(1)
        #expect(DependencyTrouble(check, at: DependencySamples.now)?.kind == .certificate)
        #expect(DependencyTrouble(check, at: DependencySamples.now - .seconds(60)) == nil)
    }

    @Test("A lock that is held for seconds while others wait is a lock wait; a short one is not")
    func locks() {
        var values = ["lock_waiting": 4.0, "lock_wait_seconds": 1.2, "lock_held_seconds": 18, "active": 5]
        #expect(trouble(values)?.kind == .lockWait)
        values["lock_held_seconds"] = 0.3
        #expect(trouble(values) == nil)
        // The same transaction, but nobody waits for it.
        #expect(trouble(["lock_waiting": 0, "lock_held_seconds": 0, "idle_in_transaction": 1]) == nil)
    }

    @Test("A pool that waits for a lock fills up for that; idle sessions fill it for themselves")
    func fullPools() {
        var values = [
            "connections_used": 40.0, "connections_used_ratio": 1, "lock_waiting": 30,
            "lock_held_seconds": 90,
        ]
        #expect(trouble(values)?.kind == .lockWait)
        values["lock_waiting"] = 1
        #expect(trouble(values)?.kind == .poolExhausted)
    }

    @Test("Statements are slow beside what is usual, and surest when they read far more rows")
    func slowStatements() {
        let usual = ["usual_active": 0.4, "usual_rows_read_per_second": 6000.0]
        let busy = usual.merging(["active": 9, "rows_read_per_second": 5000]) { $1 }
        let reading = usual.merging(["active": 9, "rows_read_per_second": 4e7]) { $1 }
        #expect(trouble(busy)?.kind == .slowQuery)
        #expect(trouble(reading)?.kind == .slowQuery)
        #expect((trouble(reading)?.effect ?? 0) > (trouble(busy)?.effect ?? 1))
        #expect(trouble(usual.merging(["active": 3]) { $1 }) == nil)
        // As many on a server where they are usual.
        #expect(trouble(["active": 9, "usual_active": 8]) == nil)
        #expect(trouble(["active": 9]) == nil)
    }

    @Test("A connection that takes long is the network's; an answer that does, the server's own")
    func slowAnswers() {
        let values = ["usual_connect_milliseconds": 0.5, "usual_total_milliseconds": 4.0]
        var check = DependencySamples.check(values: values)
        (check.connectMilliseconds, check.totalMilliseconds) = (0.6, 5)
        #expect(DependencyTrouble(check, at: nil) == nil)
        check.totalMilliseconds = 400
        #expect(DependencyTrouble(check, at: nil)?.kind == .defect)
        check.connectMilliseconds = 300
        #expect(DependencyTrouble(check, at: nil)?.kind == .networkDelay)
        // Three times next to nothing is still next to nothing.
        (check.connectMilliseconds, check.totalMilliseconds) = (9, 15)
        #expect(DependencyTrouble(check, at: nil) == nil)
    }

    private func trouble(_ values: [String: Double]) -> DependencyTrouble? {
        DependencyTrouble(DependencySamples.check(kind: "postgres", values: values), at: nil)
    }
}
