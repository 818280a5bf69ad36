import Glibc
import MusterCore
import Synchronization

/// How a host writes its access log; three that are met in the field.
enum AccessLogFormat: String, Codable, Sendable, CaseIterable {
    /// nginx "combined" with the request time in seconds after it.
    case combined
    /// One JSON object a line.
    case json
    case logfmt
}

/// One served request.
struct AccessRecord: Sendable {
    var at: Timestamp
    /// `-` when the request named nobody.
    var user: String
    var client: String
    var method: String
    var path: String
    var status: Int
    var bytes: Int
    var duration: Duration
    var agent: String

    /// The line without its end.
    func line(_ format: AccessLogFormat) -> String {
        let level = status >= 500 ? "error" : "info"
        let milliseconds = Self.decimal(duration.nanoseconds / 1000, digits: 3)
        switch format {
        case .combined:
            let seconds = Self.decimal(duration.nanoseconds / 1_000_000, digits: 3)
            return "\(client) - \(user) [\(Self.clfTime(at))] \"\(method) \(Self.escaped(path)) HTTP/1.1\" "
                + "\(status) \(bytes) \"-\" \"\(Self.escaped(agent))\" \(seconds)"
        case .json:
            return
                #"{"time":"\#(at.milliseconds)","level":"\#(level)","service":"shop","method":"\#(method)","#
                + #""path":"\#(Self.escaped(path))","status":\#(status),"duration_ms":\#(milliseconds),"#
                + #""bytes":\#(bytes),"user":"\#(Self.escaped(user))","remote":"\#(client)"}"#
        case .logfmt:
            return
                "time=\(at.milliseconds) level=\(level) service=shop method=\(method) path=\"\(Self.escaped(path))\" "
                + "status=\(status) duration_ms=\(milliseconds) bytes=\(bytes) user=\"\(Self.escaped(user))\" "
                + "remote=\(client)"
        }
    }

    /// `23/Nov/2026:14:00:01 +0000`.
    static func clfTime(_ at: Timestamp) -> String {
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let text = at.description
        let month = Int(text.dropFirst(5).prefix(2)) ?? 1
        return "\(text.dropFirst(8).prefix(2))/\(months[month - 1])/\(text.prefix(4)):\(at.timeOfDay) +0000"
    }

    /// A whole number of thousandths and the like as a decimal: `12.345` of 12345 and three digits.
    static func decimal(_ value: Int64, digits: Int) -> String {
        let text = String(max(0, value))
        let padded = String(repeating: "0", count: max(0, digits + 1 - text.count)) + text
        return "\(padded.dropLast(digits)).\(padded.suffix(digits))"
    }

    /// Quotes, backslashes and control characters never reach a log line as they are.
    static func escaped(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars.prefix(1024) {
            switch scalar {
            case "\"", "\\": result.append(contentsOf: ["\\", scalar])
            case _ where scalar.value < 0x20: result.append("?")
            default: result.append(scalar)
            }
        }
        return String(result)
    }
}

extension Timestamp {
    /// RFC 3339 with exactly three decimals.
    var milliseconds: String {
        let rounded = Timestamp(nanoseconds: nanoseconds - (nanoseconds % 1_000_000 + 1_000_000) % 1_000_000)
        let text = rounded.description
        return text.contains(".") ? text : text.dropLast() + ".000Z"
    }
}

/// A log file that lines are appended to, each with one write, so that no reader ever sees half a line.
final class AppendedLog: Sendable {
    private let descriptor: Int32

    init(path: String) throws(DrillError) {
        descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw DrillError(.file, "can't write \(path): \(String(cString: strerror(errno)))")
        }
    }

    deinit { close(descriptor) }

    /// Appends a line.
    ///
    /// A full disk loses lines, as it does for every server.
    func append(_ line: String) {
        let bytes = Array((line + "\n").utf8)
        _ = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    }
}
