import MusterCore

/// Numbers and times as people read them.
enum Words {
    /// `42%`; below ten percent with one decimal.
    static func percent(_ share: Double) -> String {
        let value = share * 100
        if value > 0, value < 10 { return "\((value * 10).rounded() / 10)%" }
        return "\(number(value.rounded()))%"
    }

    /// `12 ms`, `1.4 s`; a dash for nothing.
    static func milliseconds(_ value: Double?) -> String {
        guard let value else { return "-" }
        if value >= 1000 { return "\((value / 100).rounded() / 10) s" }
        return value < 10 ? "\((value * 10).rounded() / 10) ms" : "\(number(value.rounded())) ms"
    }

    /// `12.4 MB`.
    static func bytes(_ count: Int) -> String {
        let units = ["B", "kB", "MB", "GB", "TB"]
        var value = Double(count)
        var unit = 0
        while value >= 1000, unit < units.count - 1 {
            value /= 1000
            unit += 1
        }
        return unit == 0 ? "\(count) B" : "\((value * 10).rounded() / 10) \(units[unit])"
    }

    /// A number with at most three decimals.
    static func number(_ value: Double) -> String {
        guard value.isFinite, abs(value) < 1e15 else { return "\(value)" }
        let rounded = (value * 1000).rounded() / 1000
        return rounded == rounded.rounded() ? "\(Int64(rounded))" : "\(rounded)"
    }

    /// `2026-11-23 02:14:07`, UTC.
    static func time(_ time: Timestamp) -> String { "\(time.description.prefix(10)) \(time.timeOfDay)" }

    /// `web-1, web-2 and 7 more`.
    static func hosts(_ hosts: [HostReference], max: Int = 6) -> String {
        let names = hosts.map(\.name)
        guard names.count > max else { return names.joined(separator: ", ") }
        return names.prefix(max).joined(separator: ", ") + " and \(names.count - max) more"
    }

    /// `1 host`, `3 hosts`.
    static func count(_ number: Int, _ word: String) -> String {
        "\(number) \(word)\(number == 1 ? "" : "s")"
    }
}
