import MusterCore

/// The shop forgets database sessions until PostgreSQL has none left to give.
struct PoolExhaustion: Scenario {
    let name = ScenarioName.poolExhaustion
    let realTime: Bool
    let hosts = [
        HostPlan(name: "web-1", duty: .web, accessLogFormat: .combined),
        HostPlan(name: "web-2", duty: .web, accessLogFormat: .json),
        HostPlan(name: "db-1", duty: .db),
    ]
    let kindExpected: CauseKind? = .poolExhausted
    let expected = "PostgreSQL on db-1 has no connection slots left"
    let place = CausePlace.anywhere
    let goal = DrillGoal.resolved

    /// Sessions must have been idle for longer than the ten minutes of the runbook's statement.
    private static let idle = Duration.seconds(11 * 60)

    func breakIt(on stage: Stage) throws -> AlertmanagerWebhook {
        guard let database = stage.database else {
            throw DrillError(.database, "the scenario has no database")
        }
        let narrator = stage.narrator
        narrator.say("Fault: the shop on web-1 and web-2 stops giving database sessions back.")
        try stage.setLeak(true)
        let session = try database.superuser()
        defer { session.close() }
        func number(_ statement: String) throws -> Int {
            let result = try session.query(statement, timeout: .seconds(5))
            return result.rows.first?.first?.flatMap { Int($0) } ?? 0
        }
        let idleCount = "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle'"
        try Interruption.wait(upTo: .seconds(60), for: "the connection slots to run out") {
            // What is left below the reserved slots is less than one.
            let used = try number(
                "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
            )
            let refused = stage.traffic.count(last: .seconds(2), endpoint: .checkout).ratio > 0.9
            return used >= DatabaseServer.maxConnections - 3 && refused
        }
        try stage.setLeak(false)
        narrator.say(
            "\(try number(idleCount)) sessions lie idle, PostgreSQL (max_connections = "
                + "\(DatabaseServer.maxConnections), 3 of them reserved) refuses new ones, checkouts fail. "
                + "The leak is off again; what was forgotten stays."
        )
        let started = WallClock.now()
        if realTime {
            narrator.say(
                "Waiting \(Self.idle.spoken), in real time, until the sessions were idle for ten minutes."
            )
            try Interruption.sleep(Self.idle)
        } else {
            narrator.say(
                "NOTE: the runbook ends sessions idle for 10 minutes. Instead of waiting, the drill steps the "
                    + "clock of this PostgreSQL server, and of nothing else, ahead by \(Self.idle.spoken) "
                    + "(libfaketime). --real-time waits instead."
            )
            try database.stepClock(by: Self.idle)
            try Interruption.wait(upTo: .seconds(10), for: "the stepped clock") {
                try number("SELECT extract(epoch FROM clock_timestamp())::bigint")
                    >= Int((started + Self.idle).seconds) - 1
            }
            try Interruption.sleep(.seconds(8))
        }
        let used = try number("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'")
        narrator.say("Alert rule: \(used) of \(DatabaseServer.maxConnections) connections are in use.")
        return AlertmanagerWebhook(
            name: "PostgreSQL connection pool > 90%",
            labels: [
                "service": "shop", "severity": "critical", "datname": DatabaseServer.databaseName,
                "instance": "db-1:\(database.port)",
            ],
            summary: "PostgreSQL on db-1: \(used) of \(DatabaseServer.maxConnections) connections in use",
            starts: WallClock.now()
        )
    }
}
