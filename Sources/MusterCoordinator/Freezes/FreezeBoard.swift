import GRDB
import MusterCore
import MusterIncident
import Synchronization

/// The freezes that are on: on disk first, then here for everybody who asks before acting.
package final class FreezeBoard: Sendable {
    private struct State {
        var freezes: [Freeze] = []
        /// Counts the changes, in the order in which they are on disk.
        var version = 0
        /// Who lifted the freeze of a service last; `""` stands for all.
        var lifters: [String: String] = [:]
        var dependencies: @Sendable (String) -> Set<AgentID> = { _ in [] }
    }

    private let database: any DatabaseWriter
    private let state: Mutex<State>
    private let written = Mutex(0)

    /// Reads what is on, from a database that ``migrate(_:)`` was applied to.
    package init(database: any DatabaseWriter) throws(StoreError) {
        self.database = database
        do {
            state = Mutex(State(freezes: try database.read { db in try Self.all(db) }))
        } catch {
            throw StoreError("read the freezes", cause: error)
        }
    }

    /// Registers the table; call it before the database is opened for work.
    package static func migrate(_ migrator: inout DatabaseMigrator) {
        migrator.registerMigration("freezes-1") { db in
            try db.execute(
                sql: """
                    CREATE TABLE freeze (
                        service TEXT NOT NULL PRIMARY KEY,
                        by TEXT NOT NULL,
                        reason TEXT NOT NULL,
                        since_ns INTEGER NOT NULL,
                        until_ns INTEGER
                    ) STRICT
                    """
            )
        }
    }

    // MARK: Looking

    /// Those that are on, oldest first.
    package func active(at now: Timestamp) -> [Freeze] {
        state.withLock { $0.freezes }.filter { $0.isOn(at: now) }
    }

    /// Those that a host has to keep to.
    ///
    /// Of one service: the hosts that run it, those that it was seen to depend on, and those that tell of no service at
    /// all, since nobody knows what they are for.
    package func concerning(_ host: FleetHost, at now: Timestamp) -> [Freeze] {
        active(at: now).filter { concerns($0.service, host) }
    }

    /// Whether a freeze of a service, or of all, is for a host to keep to.
    func concerns(_ service: String?, _ host: FleetHost) -> Bool {
        guard let service, !host.services.isEmpty else { return true }
        if host.services.contains(where: { $0.name == service }) { return true }
        let dependencies = state.withLock { $0.dependencies }
        return dependencies(service).contains(host.id)
    }

    /// What the record of an incident lacks of them.
    func news(for incident: Incident, at now: Timestamp) -> [IncidentEvent] {
        let (freezes, lifters) = state.withLock { ($0.freezes, $0.lifters) }
        return incident.news(of: freezes, at: now) { service in
            lifters[service ?? ""].map { "lifted by \($0)" } ?? "it was lifted"
        }
    }

    /// From now on asks this for the hosts of what a service depends on.
    func use(dependencies: @escaping @Sendable (String) -> Set<AgentID>) {
        state.withLock { $0.dependencies = dependencies }
    }

    // MARK: Changing

    /// Sets a freeze, in the place of an earlier one for the same service.
    ///
    /// - Throws: `conflict` when there are too many.
    func set(_ freeze: Freeze, at now: Timestamp) async throws(OperationError) {
        try await change { db in
            try Self.prune(db, at: now)
            try db.execute(
                sql: "INSERT OR REPLACE INTO freeze VALUES (?, ?, ?, ?, ?)",
                arguments: [
                    freeze.service ?? "", freeze.by, freeze.reason, freeze.since.nanoseconds,
                    freeze.until?.nanoseconds,
                ]
            )
            let count = try Int.fetchOne(db, sql: "SELECT count(*) FROM freeze") ?? 0
            guard count <= Freeze.countMax else {
                throw OperationError(
                    .conflict,
                    "\(Freeze.countMax) freezes are on already; lift some of them, or freeze all"
                )
            }
        }
    }

    /// Lifts the freeze of a service, or that of all.
    ///
    /// - Throws: `notFound` when there is none.
    func lift(_ service: String?, by operatorName: String, at now: Timestamp) async throws(OperationError) {
        try await change { db in
            try Self.prune(db, at: now)
            try db.execute(sql: "DELETE FROM freeze WHERE service = ?", arguments: [service ?? ""])
            guard db.changesCount == 1 else {
                let what = service.map { "no freeze for the service \"\($0)\"" } ?? "no freeze for all"
                throw OperationError(.notFound, "there is \(what); see muster freeze list")
            }
        } then: { state in
            // Only for a sentence in the record: rather forgotten than without a bound.
            if state.lifters.count >= Freeze.countMax { state.lifters = [:] }
            state.lifters[service ?? ""] = operatorName
        }
    }

    private func change(
        _ work: @escaping @Sendable (Database) throws -> Void,
        then finish: (inout State) -> Void = { _ in }
    ) async throws(OperationError) {
        do {
            let (version, freezes) = try await database.write { [self] db in
                try work(db)
                // One writer at a time: the numbers are in the order of the commits.
                let version = written.withLock { count in
                    count += 1
                    return count
                }
                return (version, try Self.all(db))
            }
            state.withLock { state in
                finish(&state)
                guard version > state.version else { return }
                (state.version, state.freezes) = (version, freezes)
            }
        } catch let error as OperationError {
            throw error
        } catch {
            throw StoreError("store a freeze", cause: error).operation
        }
    }

    private static func prune(_ db: Database, at now: Timestamp) throws {
        try db.execute(sql: "DELETE FROM freeze WHERE until_ns <= ?", arguments: [now.nanoseconds])
    }

    private static func all(_ db: Database) throws -> [Freeze] {
        try Row.fetchAll(db, sql: "SELECT * FROM freeze ORDER BY since_ns, service").map { row in
            let service: String = row["service"]
            let until: Int64? = row["until_ns"]
            return Freeze(
                service: service.isEmpty ? nil : service,
                by: row["by"],
                reason: row["reason"],
                since: Timestamp(nanoseconds: row["since_ns"]),
                until: until.map { Timestamp(nanoseconds: $0) }
            )
        }
    }
}
