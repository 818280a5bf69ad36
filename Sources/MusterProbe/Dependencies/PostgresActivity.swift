import MusterCore
import MusterPostgres

/// What a server says of its connections, and of what they do.
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
        count(*) FILTER (WHERE backend_type = 'client backend' AND state = 'active' \
        AND pid <> pg_backend_pid()), \
        count(*) FILTER (WHERE wait_event_type = 'Lock' AND state = 'active'), \
        coalesce(max(extract(epoch FROM clock_timestamp() - query_start)) \
        FILTER (WHERE wait_event_type = 'Lock' AND state = 'active'), 0), \
        coalesce(max(extract(epoch FROM clock_timestamp() - query_start)) \
        FILTER (WHERE backend_type = 'client backend' AND state = 'active' \
        AND wait_event_type IS DISTINCT FROM 'Lock' AND pid <> pg_backend_pid()), 0), \
        coalesce((SELECT max(extract(epoch FROM clock_timestamp() - xact_start)) FROM pg_stat_activity \
        WHERE pid IN (SELECT unnest(pg_blocking_pids(pid)) FROM (SELECT pid FROM pg_stat_activity \
        WHERE wait_event_type = 'Lock' AND state = 'active' LIMIT 8) AS waiting)), 0), \
        coalesce((SELECT sum(tup_returned) FROM pg_stat_database), 0), \
        pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') \
        FROM pg_stat_activity
        """

    /// Names of the columns after the two settings, as values of a check.
    ///
    /// `lock_waiting` are statements that wait for a lock, the longest for `lock_wait_seconds`, and the oldest transaction
    /// that keeps one from them began `lock_held_seconds` ago. `statement_seconds` is how long the longest statement runs
    /// that waits for none, and `rows_read` how many rows and index entries were read since the counters began.
    private static let names = [
        "connections_used", "idle", "idle_in_transaction", "active", "lock_waiting", "lock_wait_seconds",
        "statement_seconds", "lock_held_seconds", "rows_read",
    ]

    private let slots: Double
    private let reserved: Double
    private let counts: [Double]
    private let seesAll: Bool

    init(_ result: PostgresResult) throws(ProbeError) {
        let row = result.rows.first ?? []
        let numbers = row.dropLast().compactMap { $0.flatMap(Double.init) }
        guard numbers.count == Self.names.count + 2, row.count == numbers.count + 1, numbers[0] > 0
        else { throw ProbeError(.malformed, "the server answered its connection counts in another shape") }
        self.slots = numbers[0]
        self.reserved = numbers[1]
        self.counts = Array(numbers[2...])
        self.seesAll = row.last == "t"
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
        for (name, count) in zip(Self.names, counts) { check.values[name] = count }
        let (used, idle) = (counts[0], counts[1])
        check.values["connections_used_ratio"] = used / slots
        if used >= slots - reserved {
            check.healthy = false
            check.reason =
                "no connection slot is left for clients: \(Int(used)) of \(Int(slots)) used, "
                + "\(Int(reserved)) reserved; \(Int(idle)) sessions are idle"
        }
    }
}
