internal import CPostgres
import Glibc
import MusterCore

/// Makes a connection within a deadline that also covers the look-up of the name.
struct PostgresConnector {
    let api: muster_postgres
    let target: PostgresTarget
    let timeout: Duration
    private let deadline: Deadline

    init(library: PostgresLibrary, target: PostgresTarget, timeout: Duration) {
        self.api = library.api
        self.target = target
        self.timeout = timeout
        self.deadline = Deadline(in: timeout)
    }

    /// A connection that is ready, to be finished by the caller.
    func connect() throws(PostgresError) -> OpaquePointer {
        let settings = try settings()
        guard let connection = start(settings) else {
            throw PostgresError(.unreachable, "no memory for a connection to \(target)")
        }
        // In place before the server can speak: its words belong in errors, not on our standard error.
        _ = api.PQsetNoticeReceiver(connection, { _, _ in }, nil)
        // Only verbose errors of a refused connection name the SQLSTATE.
        _ = api.PQsetErrorVerbosity(connection, PQERRORS_VERBOSE)
        do {
            try letIn(connection)
        } catch {
            api.PQfinish(connection)
            throw error
        }
        return connection
    }

    private func letIn(_ connection: OpaquePointer) throws(PostgresError) {
        // libpq's rule: before the first poll, behave as if it had asked to wait for writing.
        var state = PGRES_POLLING_WRITING
        while true {
            switch state {
            case PGRES_POLLING_OK where api.PQstatus(connection) == CONNECTION_OK:
                guard api.PQsetnonblocking(connection, 1) == 0 else { throw failure(connection) }
                return
            case PGRES_POLLING_READING, PGRES_POLLING_WRITING:
                let descriptor = api.PQsocket(connection)
                guard descriptor >= 0, api.PQstatus(connection) != CONNECTION_BAD else {
                    throw failure(connection)
                }
                let events = state == PGRES_POLLING_READING ? POLLIN : POLLOUT
                guard deadline.wait(for: events, on: descriptor) else {
                    // A packet filter, or a host that is gone, is another matter than a server that is silent.
                    let isConnected = api.PQstatus(connection) != CONNECTION_STARTED
                    throw PostgresError(
                        .timeout,
                        isConnected
                            ? "\(target) accepted the connection and did not let us in within \(timeout.spoken)"
                            : "\(target): no connection within \(timeout.spoken)"
                    )
                }
                state = api.PQconnectPoll(connection)
            default:
                throw failure(connection)
            }
        }
    }

    private func failure(_ connection: OpaquePointer) -> PostgresError {
        .connecting(to: target, text: api.PQerrorMessage(connection).map { String(cString: $0) } ?? "")
    }

    private func settings() throws(PostgresError) -> [(String, String)] {
        guard (1...65_535).contains(target.port) else {
            throw PostgresError(.configuration, "port \(target.port) of \(target) is none")
        }
        for text in [target.host, target.user, target.database] where text.isEmpty || text.utf8.contains(0) {
            throw PostgresError(.configuration, "host, user and database of \(target) must all be given")
        }
        var settings = [
            ("port", "\(target.port)"), ("user", target.user), ("dbname", target.database),
            ("gssencmode", "disable"), ("client_encoding", "UTF8"),
            ("application_name", "muster-agent"),
            // A held session finds out within a minute that its server is gone.
            ("keepalives_idle", "30"), ("keepalives_interval", "10"), ("keepalives_count", "3"),
        ]
        settings += target.tls.settings
        if let password = try target.password() { settings.append(("password", password)) }
        guard !target.host.hasPrefix("/") else { return settings + [("host", target.host)] }
        let addresses = try addresses()
        // One name for each address: libpq pairs the two lists.
        settings.append(("host", addresses.map { _ in target.host }.joined(separator: ",")))
        settings.append(("hostaddr", addresses.joined(separator: ",")))
        return settings
    }

    /// Looks the name up; libpq would do it without regard to any deadline.
    private func addresses() throws(PostgresError) -> [String] {
        let host = target.host
        let found = AbandonableCall.run(until: deadline) { NameLookup(host) }
        guard let found else {
            throw PostgresError(.timeout, "the name \(host) was not resolved within \(timeout.spoken)")
        }
        guard !found.addresses.isEmpty else {
            throw PostgresError(.unreachable, "the name \(host) has no address: \(found.failure)")
        }
        return found.addresses
    }

    private func start(_ settings: [(String, String)]) -> OpaquePointer? {
        var keywords: [UnsafePointer<CChar>?] = settings.map { UnsafePointer(strdup($0.0)) } + [nil]
        var values: [UnsafePointer<CChar>?] = settings.map { UnsafePointer(strdup($0.1)) } + [nil]
        defer {
            for text in keywords + values { free(UnsafeMutablePointer(mutating: text)) }
        }
        // 0: a database name is a name, never a connection string.
        return api.PQconnectStartParams(&keywords, &values, 0)
    }
}

/// The addresses of a name, at most eight, or why there are none.
private struct NameLookup: Sendable {
    var addresses: [String] = []
    var failure = "it has none"

    init(_ host: String) {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let result = getaddrinfo(host, nil, &hints, &list)
        guard result == 0 else {
            failure = String(cString: gai_strerror(result))
            return
        }
        defer { freeaddrinfo(list) }
        var entry = list
        while let current = entry, addresses.count < 8 {
            var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            let info = current.pointee
            let length = socklen_t(text.count)
            if getnameinfo(info.ai_addr, info.ai_addrlen, &text, length, nil, 0, NI_NUMERICHOST) == 0 {
                addresses.append(
                    String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
                )
            }
            entry = info.ai_next
        }
    }
}
