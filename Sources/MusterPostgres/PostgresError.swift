/// Why a database could not be asked.
package struct PostgresError: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Code: String, Sendable {
        /// The client library is not installed.
        case libraryMissing
        /// The target's settings can't be used.
        case configuration
        /// Nobody answers at the address, or it has none.
        case unreachable
        /// The server has no connection left for this role: the pool is exhausted.
        case slotsExhausted
        /// The server does not let this role in.
        case authentication
        /// The deadline passed.
        case timeout
        /// The session ended while, or before, it was asked.
        case connectionLost
        /// The server refused the statement or failed at it.
        case statement
    }

    package var code: Code
    /// What happened, in a sentence for whoever has to fix it; holds the server's own words.
    package var message: String
    /// The server's five characters, such as `53300`; nil when the server said none.
    package var sqlState: String?
    /// The server's own words; empty when it said nothing.
    package var cause: String

    package init(_ code: Code, _ message: String, sqlState: String? = nil, cause: String = "") {
        self.code = code
        self.message = message
        self.sqlState = sqlState
        self.cause = cause
    }

    package var description: String { message }

    /// Whether the same attempt may succeed later without anybody changing a setting.
    package var retryCanHelp: Bool {
        switch code {
        case .unreachable, .slotsExhausted, .timeout, .connectionLost: true
        case .libraryMissing, .configuration, .authentication, .statement: false
        }
    }

    /// The server's refusal of a connection.
    ///
    /// libpq hands out no SQLSTATE for these, but writes it into the text of a verbose error:
    /// `connection to … failed: FATAL:  53300: sorry, too many clients already`, then lines with details.
    /// Each address tried adds such lines; the last one counts.
    static func connecting(to target: PostgresTarget, text: String) -> PostgresError {
        let lines = text.split(separator: "\n").map(String.init)
        var state: String?
        var words = lines.first ?? "no reason given"
        for line in lines {
            let parts = line.split(separator: ":", omittingEmptySubsequences: false)
            for (index, part) in parts.enumerated() where index > 0 && index + 1 < parts.count {
                let candidate = part.drop { $0 == " " }
                guard part.hasPrefix("  "), candidate.utf8.count == 5, candidate.utf8.allSatisfy(isStateByte)
                else { continue }
                state = String(candidate)
                words = parts[(index + 1)...].joined(separator: ":").drop { $0 == " " }.description
            }
        }
        let code: Code =
            switch state {
            case "53300": .slotsExhausted
            case .some(let state) where state.hasPrefix("28") || state == "3D000": .authentication
            // Starting up, shutting down, recovering: gone in a moment.
            case .some, nil: .unreachable
            }
        let what =
            switch code {
            case .slotsExhausted: "connection slots of \(target) are exhausted"
            case .authentication: "\(target) does not let user \"\(target.user)\" in"
            default: "\(target) can't be reached"
            }
        return PostgresError(code, "\(what): \(words)", sqlState: state, cause: text)
    }

    private static func isStateByte(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
            || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
    }
}
