import MusterCore
import MusterPostgres

/// What a server says of its connections.
struct PostgresActivity {
    /// Counts client sessions only: background workers take no slots.
    ///
    /// Without `pg_read_all_stats` (part of `pg_monitor`) the sessions of other roles are not recognisable, so the
    /// statement says whether the counts can be trusted.
    static let statement = """
        SELECT current_setting('max_connections')::int, \
        current_setting('superuser_reserved_connections')::int \
        + coalesce(current_setting('reserved_connections', true)::int, 0), \
        count(*) FILTER (WHERE backend_type = 'client backend'), \
        count(*) FILTER (WHERE backend_type = 'client backend' AND state = 'idle'), \
        count(*) FILTER (WHERE backend_type = 'client backend' AND state LIKE 'idle in transaction%'), \
        count(*) FILTER (WHERE backend_type = 'client backend' AND state = 'active'), \
        pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') \
        FROM pg_stat_activity
        """

    private let slots: Double
    private let reserved: Double
    private let used: Double
    private let idle: Double
    private let idleInTransaction: Double
    private let active: Double
    private let seesAll: Bool

    init(_ result: PostgresResult) throws(ProbeError) {
        let row = result.rows.first ?? []
        let numbers = row.prefix(6).map { $0.flatMap(Double.init) }
        guard row.count == 7, let slots = numbers[0], let reserved = numbers[1], let used = numbers[2],
            let idle = numbers[3], let idleInTransaction = numbers[4], let active = numbers[5], slots > 0
        else { throw ProbeError(.malformed, "the server answered its connection counts in another shape") }
        self.slots = slots
        self.reserved = reserved
        self.used = used
        self.idle = idle
        self.idleInTransaction = idleInTransaction
        self.active = active
        self.seesAll = row[6] == "t"
    }

    /// Fills in values, health and reason.
    func describe(in check: inout DependencyCheck) {
        check.healthy = true
        check.values = ["max_connections": slots, "reserved_connections": reserved]
        guard seesAll else {
            check.reason =
                "the looking role lacks pg_monitor, so the sessions of other roles can't be counted"
            return
        }
        check.values["connections_used"] = used
        check.values["connections_used_ratio"] = used / slots
        check.values["idle"] = idle
        check.values["idle_in_transaction"] = idleInTransaction
        check.values["active"] = active
        if used >= slots - reserved {
            check.healthy = false
            check.reason =
                "no connection slot is left for clients: \(Int(used)) of \(Int(slots)) used, "
                + "\(Int(reserved)) reserved; \(Int(idle)) sessions are idle"
        }
    }
}
