import MusterCore

/// A date as OpenSSL prints it: `Nov 23 02:14:07 2027 GMT`.
enum CertificateDate {
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// Nil for anything else.
    static func read(_ text: some StringProtocol) -> Timestamp? {
        let parts = text.split(separator: " ")
        guard parts.count == 5, parts[4] == "GMT", let month = months.firstIndex(of: String(parts[0])),
            let day = Int(parts[1]), (1...31).contains(day), let year = Int(parts[3]),
            (1950...2261).contains(year)
        else { return nil }
        let time = parts[2].split(separator: ":").compactMap { Int64($0) }
        guard time.count == 3, (0...23).contains(time[0]), (0...59).contains(time[1]),
            (0...60).contains(time[2])
        else { return nil }
        let days = Timestamp.daysSinceEpoch(year: year, month: month + 1, day: day)
        return Timestamp(
            nanoseconds: (days * 86_400 + time[0] * 3600 + time[1] * 60 + time[2]) * 1_000_000_000
        )
    }
}
