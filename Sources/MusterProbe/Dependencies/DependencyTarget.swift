import MusterCore
import MusterPostgres

/// Something that the services of this host need, and how to look at it.
package struct DependencyTarget: Hashable, Sendable {
    package enum Kind: Hashable, Sendable {
        /// A port that must accept connections.
        case tcp(host: String, port: Int)
        /// A URL that must answer GET with a status below 400; `caFile` is for servers with a CA of their own.
        case http(url: String, caFile: String?)
        case postgres(PostgresEndpoint)
    }

    package var name: String
    package var kind: Kind
    /// Services of this host that need it.
    package var services: [String]
    /// How long one check may take.
    package var timeout: Duration
    /// How often it is checked when nobody asks.
    package var interval: Duration

    package init(
        name: String,
        kind: Kind,
        services: [String] = [],
        timeout: Duration = .seconds(3),
        interval: Duration = .seconds(5)
    ) {
        self.name = name
        self.kind = kind
        self.services = services
        self.timeout = timeout
        self.interval = interval
    }

    /// A check of it in which nothing has been seen yet.
    package var emptyCheck: DependencyCheck {
        var check =
            switch kind {
            case .tcp(let host, let port):
                DependencyCheck(name: name, kind: "tcp", target: "\(host):\(port)")
            case .http(let url, _): DependencyCheck(name: name, kind: "http", target: SecretMask.mask(url))
            case .postgres(let endpoint):
                DependencyCheck(name: name, kind: "postgres", target: endpoint.text)
            }
        check.services = services
        return check
    }
}

/// A PostgreSQL database with the roles that this agent uses there.
package struct PostgresEndpoint: Hashable, Sendable {
    /// A role; its password stands alone in a file, which only the agent's user may read.
    package struct Role: Hashable, Sendable {
        package var user: String
        package var passwordFile: String?

        package init(user: String, passwordFile: String? = nil) {
            self.user = user
            self.passwordFile = passwordFile
        }
    }

    package var host: String
    package var port: Int
    package var database: String
    /// Looks; needs `pg_monitor`.
    package var look: Role
    /// Acts; needs `pg_signal_backend`.
    ///
    /// Nil where Muster may only look.
    package var act: Role?
    package var tls: PostgresTLS

    package init(
        host: String,
        port: Int,
        database: String,
        look: Role,
        act: Role?,
        tls: PostgresTLS = .preferred
    ) {
        self.tls = tls
        self.host = host
        self.port = port
        self.database = database
        self.look = look
        self.act = act
    }

    /// `10.0.0.5:5432/shop`.
    package var text: String { "\(host):\(port)/\(database)" }
}

/// Measures the phases of a check.
struct CheckClock {
    private let start = ContinuousClock.now

    var milliseconds: Double { (ContinuousClock.now - start).inMilliseconds }

    /// What is left of a time limit, never negative.
    func left(of limit: Duration) -> Duration { max(.zero, limit - (ContinuousClock.now - start)) }
}
