import FoundationEssentials
import MusterCore

/// What a PostgreSQL server says of the statements in it: who waits for whom, and what is at work.
///
/// Asked only of a database that is in trouble already.
struct DatabaseActivity: Sendable {
    private let answer: Row

    private struct Row: Decodable, Sendable {
        var waiting: Int
        var blocker: Blocker?
        var blocked: String?
        var busiest: Busiest?
        var scanned: Scanned?
    }

    private struct Blocker: Decodable, Sendable {
        var pid: Int
        var user: String
        var application: String
        var state: String
        var seconds: Double
        var query: String
    }

    private struct Busiest: Decodable, Sendable {
        var query: String
        var sessions: Int
        var seconds: Double
    }

    private struct Scanned: Decodable, Sendable {
        var table: String
        var scans: Double
        var rows: Double
    }

    /// Rows from which reading a table from end to end is worth a word.
    private static let rowsMin = 5_000.0

    /// One SELECT that gives one text of JSON.
    ///
    /// Literals are taken out of statements by the server already: they may be anybody's data.
    static let statement = #"""
        WITH a AS (SELECT pid, coalesce(usename::text, '') AS u, coalesce(application_name, '') AS app,
        coalesce(state, '') AS state, wait_event_type AS wait,
        coalesce(extract(epoch FROM clock_timestamp() - xact_start), 0)::float8 AS xs,
        coalesce(extract(epoch FROM clock_timestamp() - query_start), 0)::float8 AS qs,
        left(regexp_replace(regexp_replace(regexp_replace(query, '\$\w*\$.*$', '?'),
        '''([^'']|'''')*(''|$)', '?', 'g'), '\m\d+(\.\d+)?\M', '?', 'g'), 160) AS q
        FROM pg_stat_activity WHERE pid <> pg_backend_pid()
        AND backend_type IN ('client backend', 'autovacuum worker')),
        w AS (SELECT * FROM a WHERE wait = 'Lock' AND state = 'active' ORDER BY qs DESC LIMIT 8),
        b AS (SELECT DISTINCT unnest(pg_blocking_pids(pid)) AS pid FROM w)
        SELECT json_build_object(
        'waiting', (SELECT count(*) FROM a WHERE wait = 'Lock' AND state = 'active'),
        'blocker', (SELECT json_build_object('pid', pid, 'user', u, 'application', left(app, 60), 'state', state,
        'seconds', xs, 'query', q) FROM a JOIN b USING (pid) WHERE wait IS DISTINCT FROM 'Lock'
        ORDER BY xs DESC LIMIT 1),
        'blocked', (SELECT q FROM w ORDER BY qs DESC LIMIT 1),
        'busiest', (SELECT json_build_object('query', q, 'sessions', count(*), 'seconds', max(qs)) FROM a
        WHERE state = 'active' AND wait IS DISTINCT FROM 'Lock' GROUP BY q
        ORDER BY count(*) DESC, max(qs) DESC LIMIT 1),
        'scanned', (SELECT json_build_object('table', schemaname || '.' || relname, 'scans', seq_scan,
        'rows', seq_tup_read / seq_scan) FROM pg_stat_user_tables WHERE seq_scan > 0
        ORDER BY seq_tup_read DESC LIMIT 1))::text
        """#

    /// Nil for anything but the answer to ``statement``.
    init?(_ answer: SQLAnswer) {
        guard let text = answer.value, text.utf8.count <= 64 << 10,
            let row = try? JSONDecoder().decode(Row.self, from: Data(text.utf8))
        else { return nil }
        self.answer = row
    }

    /// Who waits for whom; nil when nobody waits any more.
    var lock: String? {
        guard answer.waiting > 0 else { return nil }
        var text = "\(answer.waiting) \(answer.waiting == 1 ? "waits" : "wait")"
        if let blocker = answer.blocker {
            let who = blocker.application.isEmpty ? blocker.user : "\(blocker.user), \(blocker.application)"
            text += " for session \(blocker.pid) (\(who)), \(blocker.state) for "
            text += "\(Duration.seconds(blocker.seconds.rounded()).spoken)"
            text += blocker.query.isEmpty ? "" : ", its last statement: \(Self.line(blocker.query))"
        }
        if let blocked = answer.blocked, !blocked.isEmpty { text += "; waiting: \(Self.line(blocked))" }
        return text
    }

    /// What keeps the server at work; nil when nothing does any more.
    var load: String? {
        guard let busiest = answer.busiest else { return nil }
        var text = "\(busiest.sessions) \(busiest.sessions == 1 ? "session runs" : "sessions run") "
        text += "\(Self.line(busiest.query)), the longest for "
        text += Duration.milliseconds((busiest.seconds * 1000).rounded()).spoken
        if let scanned = answer.scanned, scanned.rows >= Self.rowsMin {
            text += "; table \(scanned.table) was read from end to end \(Int(scanned.scans)) times, "
            text += "\(Int(scanned.rows)) rows each"
        }
        return text
    }

    private static func line(_ statement: String) -> String {
        statement.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }
}

extension DatabaseActivity {
    /// Questions to one host for each database in trouble, named for ``answers(in:)``.
    static func questions(_ databases: [(name: String, host: HostReference)]) -> [Interview.Item] {
        databases.map {
            Interview.Item(
                "statements in \($0.name)",
                .sql(target: $0.name, statement: statement, settings: []),
                of: [$0.host.id],
                counts: false
            )
        }
    }

    /// What databases answered, by name.
    static func answers(
        of databases: [(name: String, host: HostReference)],
        in interview: Interview
    ) -> [String: DatabaseActivity] {
        var found: [String: DatabaseActivity] = [:]
        for (name, _) in databases {
            guard case .sql(let answer)? = interview.answers("statements in \(name)").first?.answer else {
                continue
            }
            found[name] = DatabaseActivity(answer)
        }
        return found
    }
}
