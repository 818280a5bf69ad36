import MusterCore

/// Collects the fields of a structured line (JSON or logfmt) under the names that loggers use.
struct LogFields {
    private(set) var line = ParsedLine()
    /// Fields whose name was known; tells a logfmt line from a sentence with an equals sign.
    private(set) var known = 0
    private var method: ArraySlice<UInt8>?
    private var path: ArraySlice<UInt8>?
    private var status: Int?
    private var latency: Double?
    private var user: ArraySlice<UInt8>?
    private var client: ArraySlice<UInt8>?

    /// Takes one field; `quoted` values are texts, others may be numbers.
    mutating func take(_ key: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>) {
        guard key.count <= 24 else { return }
        known += 1
        switch String(decoding: key, as: UTF8.self) {
        case "time", "ts", "timestamp", "@timestamp", "t", "datetime": line.at = line.at ?? Self.time(value)
        case "level", "lvl", "severity", "log.level", "loglevel": line.level = line.level ?? Self.level(value)
        case "message", "msg": line.message = line.message.isEmpty ? value : line.message
        case "error", "err", "exception": line.message = line.message.isEmpty ? value : line.message
        case "method", "http_method", "request_method", "verb", "http.method": method = method ?? value
        case "path", "uri", "url", "request_uri", "request_path", "http_path", "http.target":
            path = path ?? value
        case "status", "status_code", "http_status", "response_code", "http.status_code":
            status = status ?? value.decimal
        case "duration_ms", "latency_ms", "elapsed_ms", "response_time_ms", "took_ms", "request_time_ms":
            latency = latency ?? value.number
        case "request_time", "duration", "latency", "elapsed", "duration_s", "duration_seconds":
            latency = latency ?? Self.milliseconds(value)
        case "duration_us", "latency_us": latency = latency ?? value.number.map { $0 / 1e3 }
        case "duration_ns", "latency_ns": latency = latency ?? value.number.map { $0 / 1e6 }
        case "user", "user_id", "userId", "user.id", "remote_user", "username":
            if !value.isEmpty, !value.elementsEqual([UInt8(ascii: "-")]) { user = user ?? value }
        case "remote", "remote_addr", "remote_ip", "client", "client_ip", "client.address", "ip":
            if !value.isEmpty { client = client ?? value }
        case "service", "service.name", "app": line.service = value.isEmpty ? nil : value
        default: known -= 1
        }
    }

    /// What the fields make together: a request has a path and an HTTP status.
    func finish(line bytes: ArraySlice<UInt8>) -> ParsedLine {
        var line = line
        if let path, !path.isEmpty, let status, (100...599).contains(status) {
            line.request = ParsedRequest(
                method: method ?? [],
                path: path,
                status: status,
                latencyMilliseconds: latency.flatMap { $0 >= 0 ? $0 : nil },
                user: user,
                client: client
            )
            if line.level == nil { line.level = status >= 500 ? .error : status >= 400 ? .warning : .info }
        } else if line.message.isEmpty {
            line.message = bytes
        }
        return line
    }

    private static func time(_ value: ArraySlice<UInt8>) -> Timestamp? {
        if let number = value.number { return Timestamp(epoch: number) }
        return Timestamp(rfc3339: value) ?? LeadingTime(value, now: .zero, zoneOffsetSeconds: 0)?.at
    }

    /// A word, or a number as pino and bunyan write it: 10 trace to 60 fatal.
    private static func level(_ value: ArraySlice<UInt8>) -> LogLevel? {
        guard let number = value.decimal else { return LogLevel(word: value) }
        switch number {
        case 10...29: return .debug
        case 30...39: return .info
        case 40...49: return .warning
        case 50...59: return .error
        case 60...69: return .fatal
        default: return nil
        }
    }

    /// `12ms`, `1.5s`, `900µs`, `2m`; a bare number is in seconds, as nginx and Caddy write it.
    private static func milliseconds(_ value: ArraySlice<UInt8>) -> Double? {
        let digits = value.prefix { (0x30...0x39).contains($0) || $0 == UInt8(ascii: ".") }
        guard let number = digits.number else { return nil }
        switch String(decoding: value.dropFirst(digits.count), as: UTF8.self) {
        case "", "s": return number * 1e3
        case "ms": return number
        case "us", "µs", "μs": return number / 1e3
        case "ns": return number / 1e6
        case "m": return number * 6e4
        default: return nil
        }
    }
}
