import MusterCore

/// Means of all series over ten seconds.
struct MetricsMeans {
    /// When the ten seconds began.
    var at: Timestamp
    var values: [(key: MetricKey, mean: Double)]
}

/// Values of one moment, by slot of a ``MetricsSchema``; NaN where nothing was measured.
struct MetricsFrame {
    private(set) var values: [Double] = []

    /// NaN for a slot that nothing was said of.
    subscript(slot: Int) -> Double {
        get { slot < values.count ? values[slot] : .nan }
        set {
            if slot >= values.count {
                values.append(contentsOf: repeatElement(.nan, count: slot + 1 - values.count))
            }
            values[slot] = newValue
        }
    }

    /// Forgets all values.
    mutating func clear() {
        for slot in values.indices { values[slot] = .nan }
    }
}

/// What was measured on the host: every second for an hour, and means of ten seconds for a day, in bounded memory.
struct MetricsHistory {
    /// What has to be stored, for histories that are.
    enum Output: Sendable {
        /// Points that came since the last one.
        case tail(MetricsResolution, MetricsBlock)
        /// A whole block, which takes the place of its tails.
        case closed(MetricsResolution, MetricsBlock)
        /// A window that was asked about and is to be kept.
        case frozen(TimeWindow)
    }

    var schema = MetricsSchema()
    private var seconds = MetricsTier(.second)
    private var tens = MetricsTier(.tenSeconds)
    /// What has been seen of the ten seconds that are under way, by slot.
    private var sums: [Double] = []
    private var counts: [Int] = []
    private var bucket: Int64?
    /// Of the last ten seconds that are over, until somebody takes them.
    private var means: MetricsMeans?
    /// When each slot last had a value, in nanoseconds.
    private var seen: [Int64] = []
    private var toldAt: Int64 = 0
    private let memoryBytesMax: Int
    private let isStored: Bool

    /// How far memory reaches back where there is a disk.
    private static let storedSpan = Duration.seconds(2 * 3600)

    private static let bucketNanoseconds: Int64 = 10_000_000_000
    /// The most that the end of this process loses.
    private static let tellNanoseconds: Int64 = 5_000_000_000
    /// A series without values for so long makes room for others.
    private static let staleNanoseconds: Int64 = 3_600_000_000_000

    /// - Parameters:
    ///   - memoryBytesMax: For both resolutions together; a quarter of it may go to the finer one.
    ///   - isStored: Whether anybody takes what ``append(at:_:)`` returns.
    init(memoryBytesMax: Int = 6 << 20, isStored: Bool = false) {
        self.memoryBytesMax = memoryBytesMax
        self.isStored = isStored
    }

    /// Memory that the points take.
    var memoryBytes: Int { seconds.memoryBytes + tens.memoryBytes }

    /// Takes in the values of one moment; gives what has to be stored.
    mutating func append(at time: Timestamp, _ frame: MetricsFrame) -> [Output] {
        var output: [Output] = []
        // A finer time would cost more than the values.
        let now = time.nanoseconds / 1_000_000 * 1_000_000
        if let bucket, bucket != now / Self.bucketNanoseconds {
            output += close(.tenSeconds, onlyIfFull: true)
            Self.append(bucket, to: &tens, sums, counts, schema)
            means = MetricsMeans(
                at: Timestamp(nanoseconds: bucket * Self.bucketNanoseconds),
                values: counts.indices.filter { counts[$0] > 0 }.map { slot in
                    (self.schema.key(slot), sums[slot] / Double(counts[slot]))
                }
            )
            for slot in counts.indices { (self.sums[slot], self.counts[slot]) = (0, 0) }
        }
        bucket = now / Self.bucketNanoseconds
        output += close(.second, onlyIfFull: true)
        note(frame, at: now)
        let schema = schema
        seconds.append(at: now, count: schema.count) { slot in
            guard schema.cadence(slot) == .everySecond else { return .nan }
            return schema.quantum(slot).rounded(frame[slot])
        }
        output += tails(at: now)
        return output
    }

    /// Means of the latest ten seconds, once each; nil until there are new ones.
    mutating func takeMeans() -> MetricsMeans? {
        defer { means = nil }
        return means
    }

    /// Forgets series that have had no values for an hour, when others found no room.
    mutating func makeRoom(at time: Timestamp) -> [Output] {
        let limit = time.nanoseconds - Self.staleNanoseconds
        guard seen.contains(where: { $0 < limit }) else { return [] }
        // What is in the open blocks stands under the slots of before.
        let output = MetricsResolution.allCases.flatMap { close($0, onlyIfFull: false) }
        let seen = seen
        schema.makeRoom { $0 < seen.count && seen[$0] >= limit }
        seconds.resetSlots()
        tens.resetSlots()
        self.seen = seen.filter { $0 >= limit }
        sums = []
        counts = []
        return output
    }

    /// Takes in points that an earlier process stored and that are in no whole block.
    mutating func restore(_ resolution: MetricsResolution, _ block: MetricsBlock) throws(ProbeError) {
        let times = try block.times()
        var columns: [Int: [Double]] = [:]
        for (slot, place) in try block.columns() {
            guard let here = schema.slot(block.keys.keys[slot], block.keys.cadences[slot]) else { continue }
            columns[here] = try block.values(at: place)
        }
        for (index, time) in times.enumerated() {
            _ = close(resolution, onlyIfFull: true)
            let count = schema.count
            change(resolution) { tier in
                tier.append(at: time, count: count) { columns[$0]?[index] ?? .nan }
            }
        }
        // It is on disk already.
        let keys = schema.keys()
        change(resolution) { _ = $0.tail(keys) }
    }

    /// All blocks of a resolution, oldest first, the open one last, with the ten seconds that are under way.
    mutating func blocks(_ resolution: MetricsResolution) -> [MetricsBlock] {
        let keys = schema.keys()
        var tier = resolution == .second ? seconds : tens
        if resolution == .tenSeconds, let bucket, counts.contains(where: { $0 > 0 }) {
            if tier.isFull { _ = tier.close(keys) }
            Self.append(bucket, to: &tier, sums, counts, schema)
        }
        return tier.blocks + [tier.open(keys)].compactMap { $0 }
    }

    /// Appends the means of ten seconds.
    private static func append(
        _ bucket: Int64,
        to tier: inout MetricsTier,
        _ sums: [Double],
        _ counts: [Int],
        _ schema: MetricsSchema
    ) {
        tier.append(at: bucket * bucketNanoseconds, count: schema.count) { slot in
            guard slot < counts.count, counts[slot] > 0 else { return .nan }
            return schema.quantum(slot).rounded(sums[slot] / Double(counts[slot]))
        }
    }

    private mutating func note(_ frame: MetricsFrame, at now: Int64) {
        let missing = schema.count - sums.count
        if missing > 0 {
            sums.append(contentsOf: repeatElement(0, count: missing))
            counts.append(contentsOf: repeatElement(0, count: missing))
        }
        if schema.count > seen.count {
            seen.append(contentsOf: repeatElement(now, count: schema.count - seen.count))
        }
        for (slot, value) in frame.values.enumerated() where value.isFinite && slot < sums.count {
            sums[slot] += value
            counts[slot] += 1
            seen[slot] = now
        }
    }

    private mutating func close(_ resolution: MetricsResolution, onlyIfFull: Bool) -> [Output] {
        guard !onlyIfFull || (resolution == .second ? seconds.isFull : tens.isFull) else { return [] }
        let keys = schema.keys()
        var block: MetricsBlock?
        change(resolution) { block = $0.close(keys) }
        guard let block else { return [] }
        shrink(at: block.last)
        return isStored ? [.closed(resolution, block)] : []
    }

    private mutating func shrink(at now: Int64) {
        for resolution in MetricsResolution.allCases {
            // The coarser one reaches further and is asked about what is long ago.
            let share = resolution == .second ? memoryBytesMax / 4 : memoryBytesMax - seconds.memoryBytes
            // What is on disk is read from there when it is asked for.
            let span = isStored ? min(resolution.memorySpan, Self.storedSpan) : resolution.memorySpan
            let moment = now - span.nanoseconds
            change(resolution) { tier in
                let open = tier.memoryBytes - tier.blockBytes
                tier.shrink(before: moment, bytesMax: max(0, share - open))
            }
        }
    }

    private mutating func tails(at now: Int64) -> [Output] {
        // A clock that was set back must not keep us from storing.
        guard isStored, now - toldAt >= Self.tellNanoseconds || now < toldAt else { return [] }
        toldAt = now
        let keys = schema.keys()
        var output: [Output] = []
        for resolution in MetricsResolution.allCases {
            change(resolution) { tier in
                if let block = tier.tail(keys) { output.append(.tail(resolution, block)) }
            }
        }
        return output
    }

    private mutating func change(_ resolution: MetricsResolution, _ body: (inout MetricsTier) -> Void) {
        switch resolution {
        case .second: body(&seconds)
        case .tenSeconds: body(&tens)
        }
    }
}
