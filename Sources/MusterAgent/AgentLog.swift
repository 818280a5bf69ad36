import Glibc
import MusterCore

/// The agent's log: one logfmt line per event on standard error.
///
/// The message is constant; what varies stands in fields. Secrets are never passed to it.
package struct AgentLog: Sendable {
    package enum Level: String, Sendable {
        case info
        case warning
        case error
    }

    private let sink: @Sendable (String) -> Void

    /// A log that writes whole lines, each with its newline, to `sink`.
    package init(sink: @escaping @Sendable (String) -> Void) { self.sink = sink }

    /// The log on standard error.
    package static let standardError = AgentLog { line in
        let bytes = Array(line.utf8)
        // One call a line, so that lines of several threads do not mix. A full disk must not stop the agent.
        _ = Glibc.write(2, bytes, bytes.count)
    }

    /// Something worth knowing.
    package func info(_ message: String, _ fields: KeyValuePairs<String, String> = [:]) {
        write(.info, message, fields)
    }

    /// Something that the agent gets over by itself.
    package func warning(_ message: String, _ fields: KeyValuePairs<String, String> = [:]) {
        write(.warning, message, fields)
    }

    /// Something that somebody has to look at.
    package func error(_ message: String, _ fields: KeyValuePairs<String, String> = [:]) {
        write(.error, message, fields)
    }

    private func write(_ level: Level, _ message: String, _ fields: KeyValuePairs<String, String>) {
        var line = "time=\(Moment.wall()) level=\(level.rawValue) msg=\(Self.quoted(message))"
        for (key, value) in fields { line += " \(key)=\(Self.quoted(value))" }
        sink(line + "\n")
    }

    /// A value as it stands, or in quotes when it has spaces or anything that could fake another field or line.
    static func quoted(_ text: String) -> String {
        let isPlain = text.utf8.allSatisfy {
            $0 > 0x20 && $0 < 0x7F && $0 != 0x22 && $0 != 0x3D && $0 != 0x5C
        }
        if isPlain, !text.isEmpty { return text }
        var quoted = "\""
        for scalar in text.unicodeScalars.prefix(2000) {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            case "\t": quoted += "\\t"
            case _ where scalar.value < 0x20 || scalar.value == 0x7F: quoted += "?"
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}

/// The clocks of the host.
enum Moment {
    /// Wall clock.
    static func wall() -> Timestamp { Timestamp(nanoseconds: read(CLOCK_REALTIME)) }

    /// Time since boot, also while the host sleeps; never jumps.
    static func monotonic() -> Duration { .nanoseconds(read(CLOCK_BOOTTIME)) }

    private static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
