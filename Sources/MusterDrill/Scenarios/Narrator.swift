import MusterCore

/// Tells the story of a drill, each line stamped with the seconds since the alert.
final class Narrator {
    private let output: Output
    /// Nil before the alert.
    var alertAt: Timestamp?

    /// With `json` the story goes to standard error, since standard output holds one object alone.
    init(json: Bool) { output = json ? .error : .standard }

    /// Something the drill does or sees now.
    func say(_ text: String) { say(text, at: WallClock.now()) }

    /// Something that happened at a known moment.
    func say(_ text: String, at moment: Timestamp) {
        let blank = String(repeating: " ", count: 8)
        var stamp = alertAt.map { Self.stamp(moment - $0) } ?? blank
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            put("\(stamp)  \(line)")
            stamp = blank
        }
    }

    /// A command that a person would type, and its answer.
    func typed(_ line: String, as user: String, answer: String) {
        say("\(user)$ \(line)")
        for line in answer.split(separator: "\n", omittingEmptySubsequences: false).prefix(40)
        where !line.isEmpty {
            put(String(repeating: " ", count: 10) + line)
        }
    }

    /// A heading.
    func heading(_ text: String) { put("\n\(text)\n") }

    /// Text as it is.
    func put(_ text: String) { output.put(text) }

    /// ` +12.3 s`, always eight characters or more.
    static func stamp(_ span: Duration) -> String {
        let tenths = Int64((span.inSeconds * 10).rounded())
        let sign = tenths < 0 ? "-" : "+"
        let text = "\(sign)\(abs(tenths) / 10).\(abs(tenths) % 10) s"
        return String(repeating: " ", count: max(0, 8 - text.count)) + text
    }
}
