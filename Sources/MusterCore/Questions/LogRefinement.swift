/// What further narrows a question about logs, and what else it asks for.
package struct LogRefinement: Hashable, Sendable, Codable {
    /// Only lines that match this regular expression of PCRE2, on bytes; empty for all.
    ///
    /// At most ``regexBytesMax``.
    package var regex: String
    /// Only lines of this template, written as ``LogTemplateCount/pattern``; empty for all.
    ///
    /// At most ``templateBytesMax``.
    package var template: String
    /// Which lines are listed when there are more than may be.
    package var order: LogOrder
    /// Width of the buckets in which matching lines are counted, in seconds; 0 for no buckets.
    ///
    /// A host doubles it, and again, until there are at most 1 500 buckets.
    package var bucketSeconds: Int
    /// Lines before and after each line that are listed with it, at most ``contextLinesMax``.
    package var contextLines: Int

    package static let regexBytesMax = 1_024
    package static let templateBytesMax = 4_096
    /// A year.
    package static let bucketSecondsMax = 31_536_000
    package static let contextLinesMax = 20

    package init(
        regex: String = "",
        template: String = "",
        order: LogOrder = .newest,
        bucketSeconds: Int = 0,
        contextLines: Int = 0
    ) {
        self.regex = regex
        self.template = template
        self.order = order
        self.bucketSeconds = bucketSeconds
        self.contextLines = contextLines
    }
}

extension LogRefinement {
    /// What is out of its bounds, for whoever asked; nil when nothing is.
    package var problem: String? {
        if regex.utf8.count > Self.regexBytesMax { return "the regular expression has more than 1024 bytes" }
        if template.utf8.count > Self.templateBytesMax { return "the template has more than 4096 bytes" }
        guard (0...Self.bucketSecondsMax).contains(bucketSeconds) else {
            return "the width of buckets is from 0 to \(Self.bucketSecondsMax) seconds"
        }
        guard (0...Self.contextLinesMax).contains(contextLines) else {
            return "lines of context are from 0 to \(Self.contextLinesMax)"
        }
        return nil
    }
}

/// Which of many matching lines are listed; they are told oldest first in any case.
package enum LogOrder: String, Sendable, Codable, CaseIterable {
    case newest
    case oldest
    /// The first, the last, and some evenly between.
    case spread
}

extension Array {
    /// So many of what stands oldest first, as an order says.
    package func chosen(_ order: LogOrder, _ countMax: Int) -> [Element] {
        let count = Swift.max(0, countMax)
        switch order {
        case .newest: return Array(suffix(count))
        case .oldest: return Array(prefix(count))
        case .spread: break
        }
        guard self.count > count, count > 1 else { return Array(prefix(count)) }
        return (0..<count).map { self[$0 * (self.count - 1) / (count - 1)] }
    }
}

/// What all matching lines make together, also those that are not listed; adds up over hosts.
package struct LogSummary: Hashable, Sendable, Codable {
    /// Time of the first matching line; nil when there is none.
    package var first: Timestamp?
    package var last: Timestamp?
    /// Matching lines by level's word; under the empty word those without a level.
    package var levels: [String: Int] = [:]
    /// Matching lines per bucket, oldest first, without those that are empty.
    package var buckets: [LogBucket] = []
    /// Width of the buckets; 0 for none.
    package var bucketSeconds = 0
    /// Matching lines that no template counts.
    package var unclassified = 0
    /// The part of the window that was looked at; nil for all of it.
    ///
    /// Over hosts, what all of them have looked at.
    package var covered: TimeWindow?

    package init() {}

    /// Adds what another host found.
    package mutating func merge(_ other: LogSummary) {
        guard other != LogSummary() else { return }
        first = [first, other.first].compactMap(\.self).min()
        last = [last, other.last].compactMap(\.self).max()
        levels.merge(other.levels) { $0.saturatingAdd($1) }
        unclassified = unclassified.saturatingAdd(other.unclassified)
        if let theirs = other.covered {
            let ours = covered ?? theirs
            covered = TimeWindow(from: max(ours.from, theirs.from), to: min(ours.to, theirs.to))
        }
        mergeBuckets(other)
    }

    /// The wider buckets hold the narrower ones: a width is what was asked for, doubled some times.
    private mutating func mergeBuckets(_ other: LogSummary) {
        let width = max(bucketSeconds, other.bucketSeconds)
        guard width > 0 else { return }
        bucketSeconds = width
        let nanoseconds = Int64(clamping: width).multipliedReportingOverflow(by: 1_000_000_000)
        guard !nanoseconds.overflow else { return }
        var counts: [Int64: Int] = [:]
        for bucket in buckets + other.buckets {
            let number = bucket.from.nanoseconds.flooredQuotient(nanoseconds.partialValue)
            counts[number, default: 0] = (counts[number] ?? 0).saturatingAdd(bucket.count)
        }
        buckets = counts.sorted { $0.key < $1.key }.map { number, count in
            LogBucket(
                from: Timestamp(
                    nanoseconds: number.multipliedReportingOverflow(by: nanoseconds.partialValue).partialValue
                ),
                count: count
            )
        }
    }
}

/// How many matching lines there are in one bucket of time.
package struct LogBucket: Hashable, Sendable, Codable {
    package var from: Timestamp
    package var count: Int

    package init(from: Timestamp, count: Int) {
        self.from = from
        self.count = count
    }
}

extension Int64 {
    /// The quotient rounded down, also of negative numbers; the divisor is positive.
    package func flooredQuotient(_ divisor: Int64) -> Int64 {
        self >= 0 ? self / divisor : ~(~self / divisor)
    }
}
