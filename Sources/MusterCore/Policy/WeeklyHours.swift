/// Hours of the week in which an action may begin, in UTC: `mon-fri 08:00-18:00 UTC, sat 10:00-12:00 UTC`.
///
/// A stretch may go over midnight (`fri 22:00-06:00 UTC`); its days are those on which it begins. `24:00` is the end of
/// a day.
package struct WeeklyHours: Hashable, Sendable {
    /// Most stretches that one text lists.
    package static let stretchesMax = 16
    private static let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    private static let minutesOfWeek = 7 * 24 * 60

    /// Minutes of the week from Monday 00:00, each stretch open at its end; a stretch may end in the next week.
    private let stretches: [Range<Int>]
    /// As it was written.
    package let text: String

    /// Reads the text; nil when it is none.
    package init?(_ text: String) {
        self.text = text
        var stretches: [Range<Int>] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let words = part.split(separator: " ")
            guard words.count == 3, words[2] == "UTC", let days = Self.days(words[0]) else { return nil }
            let times = words[1].split(separator: "-", omittingEmptySubsequences: false)
            guard times.count == 2, let start = Self.minute(times[0]), let end = Self.minute(times[1]),
                start < 24 * 60, start != end
            else { return nil }
            for day in days {
                let from = day * 24 * 60 + start
                stretches.append(from..<(day * 24 * 60 + end + (end <= start ? 24 * 60 : 0)))
            }
        }
        guard !stretches.isEmpty, stretches.count <= Self.stretchesMax * 7 else { return nil }
        self.stretches = stretches
    }

    /// `mon`, `mon-fri`, `sat-mon` or `daily`.
    private static func days(_ word: Substring) -> [Int]? {
        if word == "daily" { return Array(0..<7) }
        let ends = word.split(separator: "-", omittingEmptySubsequences: false).map { end in
            days.firstIndex(of: String(end))
        }
        guard (1...2).contains(ends.count), let first = ends[0], let last = ends[ends.count - 1] else {
            return nil
        }
        return (0...((last - first + 7) % 7)).map { (first + $0) % 7 }
    }

    /// Minutes since midnight of `08:00`.
    private static func minute(_ word: Substring) -> Int? {
        let parts = word.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, parts.allSatisfy({ $0.utf8.count == 2 && $0.utf8.allSatisfy(isDigit) }),
            let hour = Int(parts[0]), let minute = Int(parts[1]), minute < 60,
            hour < 24 || (hour == 24 && minute == 0)
        else { return nil }
        return hour * 60 + minute
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    /// Nil when an action may begin at this moment, else the next at which it may.
    package func next(after now: Timestamp) -> Timestamp? {
        let nanosecondsOfMinute: Int64 = 60_000_000_000
        // Toward the past also before 1970, so that a moment belongs to the minute that it is in.
        let remainder = now.nanoseconds % nanosecondsOfMinute
        let past = remainder < 0 ? remainder + nanosecondsOfMinute : remainder
        let minute = Int((now.nanoseconds - past) / nanosecondsOfMinute)
        // 1 January 1970 was a Thursday.
        let shifted = (minute + 3 * 24 * 60) % Self.minutesOfWeek
        let ofWeek = shifted < 0 ? shifted + Self.minutesOfWeek : shifted
        if stretches.contains(where: { $0.contains(ofWeek) || $0.contains(ofWeek + Self.minutesOfWeek) }) {
            return nil
        }
        let waits = stretches.map { stretch in
            let wait = stretch.lowerBound - ofWeek
            return wait > 0 ? wait : wait + Self.minutesOfWeek
        }
        return now - .nanoseconds(past) + .seconds(60 * (waits.min() ?? 0))
    }
}
