import Glibc

/// Counts of values by size, from which any quantile can be read within 1% of the true value.
///
/// A DDSketch (Masson, Rim, Lee: "DDSketch: a fast and fully-mergeable quantile sketch", 2019) with
/// logarithmic buckets. Values below ``smallest`` count as zero and values above ``largest`` as the largest, so
/// there are never more than about 2 100 buckets and merging loses nothing: the merge of any parts, in any
/// order, equals the sketch of all values.
package struct QuantileSketch: Hashable, Sendable {
    /// Largest relative error of a quantile.
    package static let relativeError = 0.01
    /// Anything smaller is counted as zero.
    package static let smallest = 1e-6
    /// Anything larger is counted as this.
    package static let largest = 1e12

    private static let logGamma = log((1 + relativeError) / (1 - relativeError))
    static let indexMin = index(of: smallest)
    static let indexMax = index(of: largest)

    /// How many values were added.
    package internal(set) var count = 0
    /// The smallest and largest value as they were added, not rounded; 0 while empty.
    package private(set) var minimum = 0.0
    package private(set) var maximum = 0.0
    var zeros = 0
    /// Index of the first element of `counts`.
    private(set) var offset = 0
    /// Values per bucket; the first and the last are never 0, so that equal contents are equal values.
    private(set) var counts: [Int] = []

    package init() {}

    package var isEmpty: Bool { count == 0 }

    /// Adds a value, `times` times; NaN is ignored.
    package mutating func add(_ value: Double, times: Int = 1) {
        guard !value.isNaN, times > 0 else { return }
        let value = min(max(value, 0), Self.largest)
        addRange(minimum: value, maximum: value)
        count = count.saturatingAdd(times)
        if value < Self.smallest {
            zeros = zeros.saturatingAdd(times)
        } else {
            addBucket(Self.index(of: value), times)
        }
    }

    /// Adds everything that another sketch has seen.
    package mutating func merge(_ other: QuantileSketch) {
        guard !other.isEmpty else { return }
        addRange(minimum: other.minimum, maximum: other.maximum)
        count = count.saturatingAdd(other.count)
        zeros = zeros.saturatingAdd(other.zeros)
        guard !other.counts.isEmpty else { return }
        cover(other.offset)
        cover(other.offset + other.counts.count - 1)
        for (position, more) in other.counts.enumerated() where more > 0 {
            let place = other.offset + position - offset
            counts[place] = counts[place].saturatingAdd(more)
        }
    }

    /// The value below which a share `q` (0 to 1) of all values lies; nil while empty.
    package func quantile(_ q: Double) -> Double? {
        guard !isEmpty, !q.isNaN else { return nil }
        let rank = Int(min((min(max(q, 0), 1) * Double(count - 1)).rounded(.down), 9e18))
        var seen = zeros
        if rank < seen { return max(0, minimum) }
        for (position, here) in counts.enumerated() {
            seen = seen.saturatingAdd(here)
            if rank < seen {
                return min(max(Self.value(of: offset + position), minimum), maximum)
            }
        }
        return maximum
    }

    private static func index(of value: Double) -> Int { Int((log(value) / logGamma).rounded(.up)) }

    /// The middle of a bucket in the relative sense.
    static func value(of index: Int) -> Double {
        exp(Double(index) * logGamma) * 2 / ((1 + relativeError) / (1 - relativeError) + 1)
    }

    mutating func addRange(minimum low: Double, maximum high: Double) {
        minimum = isEmpty ? low : min(minimum, low)
        maximum = isEmpty ? high : max(maximum, high)
    }

    mutating func addBucket(_ index: Int, _ more: Int) {
        cover(index)
        counts[index - offset] = counts[index - offset].saturatingAdd(more)
    }

    /// Makes room for a bucket, which the caller then fills.
    private mutating func cover(_ index: Int) {
        if counts.isEmpty {
            offset = index
            counts = [0]
        } else if index < offset {
            counts.insert(contentsOf: repeatElement(0, count: offset - index), at: 0)
            offset = index
        } else if index >= offset + counts.count {
            counts.append(contentsOf: repeatElement(0, count: index - offset - counts.count + 1))
        }
    }
}

extension QuantileSketch {
    private static let formatVersion: UInt8 = 1
    /// More than any host counts, and small enough that sums of many sketches don't overflow.
    private static let countMax: UInt64 = 1 << 53

    /// The serialised form: empty when the sketch is, else some bytes per bucket in use.
    ///
    /// Version, zeros, minimum and maximum as IEEE bits, number of buckets, then per bucket the distance to the
    /// bucket before and its count. Integers are LEB128, the first distance is from the smallest index possible.
    package var bytes: [UInt8] {
        guard !isEmpty else { return [] }
        var writer = SketchWriter(version: Self.formatVersion)
        writer.append(UInt64(zeros))
        writer.append(bits: minimum.bitPattern)
        writer.append(bits: maximum.bitPattern)
        writer.append(UInt64(counts.count { $0 > 0 }))
        var last = Self.indexMin
        for (position, here) in counts.enumerated() where here > 0 {
            writer.append(UInt64(offset + position - last))
            writer.append(UInt64(here))
            last = offset + position
        }
        return writer.bytes
    }

    /// Reads the serialised form; nil for anything that ``bytes`` could not have made.
    package init?(bytes: [UInt8]) {
        self.init()
        guard !bytes.isEmpty else { return }
        guard var reader = SketchReader(bytes, version: Self.formatVersion),
            let zeros = reader.integer(max: Self.countMax), let low = reader.bits(), let high = reader.bits(),
            let buckets = reader.integer(max: UInt64(Self.indexMax - Self.indexMin + 1))
        else { return nil }
        let minimum = Double(bitPattern: low)
        let maximum = Double(bitPattern: high)
        guard minimum >= 0, minimum <= maximum, maximum <= Self.largest else { return nil }
        var total = zeros
        var index = Self.indexMin
        for bucket in 0..<buckets {
            guard let distance = reader.integer(max: UInt64(Self.indexMax - index)),
                let here = reader.integer(max: Self.countMax), here > 0, bucket == 0 || distance > 0
            else { return nil }
            index += Int(distance)
            total += here
            guard total <= Self.countMax else { return nil }
            addBucket(index, Int(here))
        }
        guard reader.isAtEnd, total > 0 else { return nil }
        self.zeros = Int(zeros)
        self.count = Int(total)
        self.minimum = minimum
        self.maximum = maximum
    }
}

/// In JSON the usual quantiles stand beside the hexadecimal serialised form, which alone is read back.
extension QuantileSketch: Codable {
    private enum Key: String, CodingKey {
        case count
        case p50
        case p90
        case p99
        case sketch
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        let text = try container.decode(String.self, forKey: .sketch)
        guard let bytes = Hex.bytes(of: text), let sketch = QuantileSketch(bytes: bytes) else {
            throw DecodingError.dataCorruptedError(
                forKey: .sketch,
                in: container,
                debugDescription: "expected a serialised quantile sketch in hexadecimal digits"
            )
        }
        self = sketch
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(count, forKey: .count)
        try container.encodeIfPresent(quantile(0.5), forKey: .p50)
        try container.encodeIfPresent(quantile(0.9), forKey: .p90)
        try container.encodeIfPresent(quantile(0.99), forKey: .p99)
        try container.encode(Hex.text(of: bytes), forKey: .sketch)
    }
}
