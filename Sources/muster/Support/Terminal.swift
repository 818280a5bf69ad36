import Glibc

/// Printing for people, who may be scripts.
enum Terminal {
    enum Style: String {
        case bold = "1"
        case dim = "2"
        case red = "31"
        case green = "32"
        case yellow = "33"
    }

    static let outIsTerminal = isatty(STDOUT_FILENO) == 1
    static let errorIsTerminal = isatty(STDERR_FILENO) == 1
    static let inIsTerminal = isatty(STDIN_FILENO) == 1
    private static let usesColour =
        outIsTerminal && Files.environment("NO_COLOR") == nil && Files.environment("TERM") != "dumb"

    /// A line on standard output.
    static func out(_ text: String = "") { write(text + "\n", to: STDOUT_FILENO) }

    /// A line on standard error.
    static func error(_ text: String) { write(text + "\n", to: STDERR_FILENO) }

    /// Replaces the line of progress on standard error; nothing when that is no terminal.
    static func progress(_ text: String) {
        if errorIsTerminal { write("\r\u{1B}[2K" + text, to: STDERR_FILENO) }
    }

    /// Wipes the line of progress.
    static func endProgress() { progress("") }

    /// Our own words in a colour; text of hosts goes through ``clean(_:)`` first.
    static func paint(_ text: String, _ style: Style) -> String {
        usesColour ? "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m" : text
    }

    /// Text of strangers on one line: control characters, which could move the cursor or fake output, and marks that
    /// turn the direction of text are made visible as a replacement character.
    static func clean(_ text: String) -> String { clean(text, keepingLines: false) }

    /// The same with its line breaks.
    static func cleanLines(_ text: String) -> String { clean(text, keepingLines: true) }

    private static func clean(_ text: String, keepingLines: Bool) -> String {
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0x0A where keepingLines: result.append(scalar)
            case 0x09, 0x0A: result.append(" ")
            case 0x00...0x1F, 0x7F...0x9F, 0x200E, 0x200F, 0x2028...0x202E, 0x2066...0x2069:
                result.append("\u{FFFD}")
            default: result.append(scalar)
            }
        }
        return String(result)
    }

    private static func write(_ text: String, to descriptor: Int32) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 {
                if errno == EINTR { continue }
                return
            }
            rest = rest.dropFirst(count)
        }
    }
}
