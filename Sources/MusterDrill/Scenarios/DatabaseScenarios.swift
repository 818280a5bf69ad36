import MusterCore
import MusterPostgres

/// Somebody's forgotten transaction keeps a lock that payments need.
struct LockWait: Scenario {
    let name = ScenarioName(known: "lock-wait")
    let hosts = HostPlan.shopWithDatabase
    let kindExpected: CauseKind? = .lockWait
    let expected = "an open transaction on db-1 keeps the table payments locked"
    let place = CausePlace.hosts(["db-1"])

    func breakIt(on stage: Stage) throws -> AlertmanagerWebhook {
        guard let database = stage.database else {
            throw DrillError(.database, "the scenario has no database")
        }
        let session = try database.superuser(of: DatabaseServer.databaseName)
        stage.atEnd { session.close() }
        for statement in [
            "SET application_name = 'psql'", "BEGIN", "LOCK TABLE payments IN SHARE ROW EXCLUSIVE MODE",
            "SELECT count(*) FROM payments",
        ] {
            _ = try session.query(statement, timeout: .seconds(10))
        }
        stage.narrator.say(
            "Fault: a session of somebody who went home locked the table payments and left its transaction open."
        )
        return try CheckoutAlert.wait(on: stage)
    }
}

/// The index that each payment needs is gone: its statement reads a whole table.
struct SlowQuery: Scenario {
    let name = ScenarioName(known: "slow-query")
    let hosts = HostPlan.shopWithDatabase
    let kindExpected: CauseKind? = .slowQuery
    let expected = "the index \(PurchaseHistory.index) on db-1 was dropped: each payment reads a whole table"
    let place = CausePlace.hosts(["db-1"])

    func prepare(on stage: Stage) throws { try run(PurchaseHistory.statements, on: stage) }

    func configure(_ shop: inout ShopConfiguration, of host: DemoHost, on stage: Stage) throws {
        shop.database?.readsHistory = true
    }

    func breakIt(on stage: Stage) throws -> AlertmanagerWebhook {
        stage.narrator.say("Fault: a clean-up drops the index \(PurchaseHistory.index), which looked unused.")
        try run(["DROP INDEX \(PurchaseHistory.index)"], on: stage)
        return try CheckoutAlert.wait(on: stage)
    }

    private func run(_ statements: [String], on stage: Stage) throws {
        guard let database = stage.database else {
            throw DrillError(.database, "the scenario has no database")
        }
        let session = try database.superuser(of: DatabaseServer.databaseName)
        defer { session.close() }
        for statement in statements { _ = try session.query(statement, timeout: .seconds(60)) }
    }
}

extension HostPlan {
    /// The shop on two hosts, its database on a third.
    static let shopWithDatabase = [
        HostPlan(name: "web-1", duty: .web, accessLogFormat: .combined),
        HostPlan(name: "web-2", duty: .web, accessLogFormat: .json),
        HostPlan(name: "db-1", duty: .db),
    ]
}
