internal import CPostgres
import Glibc
import MusterCore

/// One statement from sending to its last result, over a non-blocking connection.
struct PostgresStatement {
    private let api: muster_postgres
    private let connection: OpaquePointer
    private let target: PostgresTarget
    private let rowsMax: Int
    private let bytesMax: Int
    /// Whether the next statement can use the connection.
    private(set) var connectionUsable = true
    private var result = PostgresResult()
    private var bytesUsed = 0
    private var failure: PostgresError?

    /// How long the server has to confirm that it cancelled a statement.
    private static let cancelGrace = Duration.seconds(1)

    init(
        api: muster_postgres,
        connection: OpaquePointer,
        target: PostgresTarget,
        rowsMax: Int,
        bytesMax: Int
    ) {
        self.api = api
        self.connection = connection
        self.target = target
        self.rowsMax = rowsMax
        self.bytesMax = bytesMax
    }

    mutating func run(_ sql: String, timeout: Duration) throws(PostgresError) -> PostgresResult {
        let deadline = Deadline(in: timeout)
        // With parameters, even none, the server takes a single statement only.
        guard api.PQsendQueryParams(connection, sql, 0, nil, nil, nil, nil, 0) == 1 else { throw lost() }
        _ = api.PQsetSingleRowMode(connection)
        guard try flush(deadline), try collect(deadline) else {
            try cancel()
            throw PostgresError(.timeout, "\(target) did not finish the statement within \(timeout.spoken)")
        }
        if let failure { throw failure }
        return result
    }

    /// False when the deadline came first.
    private mutating func flush(_ deadline: Deadline) throws(PostgresError) -> Bool {
        while true {
            switch api.PQflush(connection) {
            case 0: return true
            case 1:
                guard deadline.wait(for: POLLIN | POLLOUT, on: api.PQsocket(connection)) else { return false }
                guard api.PQconsumeInput(connection) == 1 else { throw lost() }
            default: throw lost()
            }
        }
    }

    /// Takes all results in; false when the deadline came first.
    private mutating func collect(_ deadline: Deadline) throws(PostgresError) -> Bool {
        while true {
            while api.PQisBusy(connection) == 1 {
                guard deadline.wait(for: POLLIN, on: api.PQsocket(connection)) else { return false }
                guard api.PQconsumeInput(connection) == 1 else { throw lost() }
            }
            guard let part = api.PQgetResult(connection) else { return true }
            defer { api.PQclear(part) }
            switch api.PQresultStatus(part) {
            case PGRES_SINGLE_TUPLE, PGRES_TUPLES_OK: take(rowsOf: part)
            case PGRES_COMMAND_OK, PGRES_EMPTY_QUERY: take(countOf: part)
            case PGRES_COPY_IN, PGRES_COPY_OUT, PGRES_COPY_BOTH:
                connectionUsable = false
                throw PostgresError(.statement, "COPY is not a question that can be asked here")
            default:
                let found = refusal(part)
                if failure == nil { failure = found }
                if found.code == .connectionLost {
                    connectionUsable = false
                    throw found
                }
            }
        }
    }

    private mutating func take(rowsOf part: OpaquePointer) {
        let width = api.PQnfields(part)
        if result.columns.isEmpty {
            result.columns = (0..<width).map { column in
                api.PQfname(part, column).map { String(cString: $0) } ?? ""
            }
        }
        for row in 0..<api.PQntuples(part) {
            let bytes = (0..<width).reduce(0) { $0 + Int(api.PQgetlength(part, row, $1)) }
            guard result.rows.count < rowsMax, bytesUsed + bytes <= bytesMax else {
                result.rowsDropped += 1
                continue
            }
            bytesUsed += bytes
            result.rows.append((0..<width).map { value(part, row, $0) })
        }
        if api.PQresultStatus(part) == PGRES_TUPLES_OK { take(countOf: part) }
    }

    private mutating func take(countOf part: OpaquePointer) {
        result.affected = api.PQcmdTuples(part).flatMap { Int(String(cString: $0)) } ?? 0
    }

    private func value(_ part: OpaquePointer, _ row: Int32, _ column: Int32) -> String? {
        guard api.PQgetisnull(part, row, column) == 0, let start = api.PQgetvalue(part, row, column) else {
            return nil
        }
        let bytes = UnsafeRawBufferPointer(start: start, count: Int(api.PQgetlength(part, row, column)))
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Asks the server to stop and waits a moment for its answer.
    private mutating func cancel() throws(PostgresError) {
        connectionUsable = false
        guard let request = api.PQgetCancel(connection) else { return }
        let call = CancelCall(api: api, request: request)
        let grace = Deadline(in: Self.cancelGrace)
        // libpq opens a second connection for it and waits as long as that takes.
        guard AbandonableCall.run(until: grace, { call.send() }) == true else { return }
        failure = nil
        connectionUsable = try collect(grace)
    }

    private func refusal(_ part: OpaquePointer) -> PostgresError {
        func field(_ code: Unicode.Scalar) -> String? {
            api.PQresultErrorField(part, Int32(code.value)).map { String(cString: $0) }
        }
        // The letters are PG_DIAG_SQLSTATE, PG_DIAG_MESSAGE_PRIMARY and PG_DIAG_MESSAGE_HINT.
        let state = field("C")
        let text = api.PQresultErrorMessage(part).map { String(cString: $0) } ?? ""
        let words = field("M") ?? String(text.split(separator: "\n").first ?? "no reason given")
        let hint = field("H").map { " (\($0))" } ?? ""
        let code: PostgresError.Code
        switch state {
        case .some(let state) where state.hasPrefix("57P0") || state.hasPrefix("08"): code = .connectionLost
        case "57014": code = .timeout
        case nil: code = .connectionLost
        default: code = api.PQstatus(connection) == CONNECTION_OK ? .statement : .connectionLost
        }
        return PostgresError(code, "\(target): \(words)\(hint)", sqlState: state, cause: text)
    }

    private mutating func lost() -> PostgresError {
        connectionUsable = false
        let text = api.PQerrorMessage(connection).map { String(cString: $0) } ?? ""
        let words = text.split(separator: "\n").first.map(String.init) ?? "no reason given"
        return PostgresError(.connectionLost, "the session with \(target) ended: \(words)", cause: text)
    }
}

/// A request to cancel, which knows by itself where to go.
///
/// `@unchecked Sendable`: only the one thread that sends it uses it; libpq allows that beside the connection.
private final class CancelCall: @unchecked Sendable {
    private let api: muster_postgres
    private let request: OpaquePointer

    /// Takes ownership of the request.
    init(api: muster_postgres, request: OpaquePointer) {
        self.api = api
        self.request = request
    }

    deinit { api.PQfreeCancel(request) }

    /// True when the server took it.
    func send() -> Bool {
        var reason = [CChar](repeating: 0, count: 256)
        return api.PQcancel(request, &reason, Int32(reason.count)) == 1
    }
}
