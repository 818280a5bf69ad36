import Glibc

/// Counts distinct things without keeping them: standard error 1.6%.
///
/// HyperLogLog with 4 096 registers (Flajolet and others, 2007) and the estimator of Otmar Ertl ("New cardinality
/// estimation algorithms for HyperLogLog sketches", 2017, algorithm 6), which needs no tables and holds over the
/// whole range. While few registers are set only those are kept. The merge of any parts, in any order, equals
/// the sketch of all values, provided that all were added with the same salt.
package struct DistinctSketch: Hashable, Sendable {
    /// Standard error of an estimate, relative.
    package static let relativeError = 0.0163

    /// Largest estimate: only a sketch that was made up says more.
    private static let estimateMax = 1e15

    private static let precision: UInt64 = 12
    private static let registers = 1 << 12
    /// Largest value of a register: 52 bits remain after the index, all of them zero.
    private static let rankMax: UInt8 = 53
    /// With more set registers than this a dense table is smaller.
    private static let sparseMax = 768

    private enum Storage: Hashable, Sendable {
        /// Register index in the upper 24 bits, value in the lower 8; sorted, one per register.
        case sparse([UInt32])
        case dense([UInt8])
    }

    private var storage = Storage.sparse([])

    package init() {}

    package var isEmpty: Bool { storage == .sparse([]) }

    /// Adds one value under the salt that all parts of this count share.
    package mutating func add(_ value: some Sequence<UInt8>, salt: [UInt8]) {
        add(hash: KeyedHash(salt: salt).hash(value))
    }

    /// Adds one value that ``KeyedHash`` has hashed already.
    package mutating func add(hash: UInt64) {
        let index = Int(hash >> (64 - Self.precision))
        let rest = hash << Self.precision
        let rank = min(UInt8(rest.leadingZeroBitCount) + 1, Self.rankMax)
        raise(index, to: rank)
    }

    /// Adds everything that another sketch has seen.
    package mutating func merge(_ other: DistinctSketch) {
        switch other.storage {
        case .sparse(let entries):
            for entry in entries { raise(Int(entry >> 8), to: UInt8(truncatingIfNeeded: entry)) }
        case .dense(let table):
            becomeDense()
            guard case .dense(var mine) = storage else { return }
            storage = .sparse([])
            for index in 0..<Self.registers where table[index] > mine[index] { mine[index] = table[index] }
            storage = .dense(mine)
        }
    }

    /// How many different values were added, about.
    package var estimate: Double {
        var histogram = [Int](repeating: 0, count: Int(Self.rankMax) + 1)
        switch storage {
        case .sparse(let entries):
            guard !entries.isEmpty else { return 0 }
            for entry in entries { histogram[Int(entry & 0xFF)] += 1 }
            histogram[0] = Self.registers - entries.count
        case .dense(let table):
            for rank in table { histogram[Int(rank)] += 1 }
        }
        let m = Double(Self.registers)
        let last = Int(Self.rankMax)
        var z = m * Self.tau(1 - Double(histogram[last]) / m)
        for rank in stride(from: last - 1, through: 1, by: -1) { z = 0.5 * (z + Double(histogram[rank])) }
        z += m * Self.sigma(Double(histogram[0]) / m)
        let estimate = m * m / (2 * log(2.0) * z)
        return estimate.isFinite ? min(estimate, Self.estimateMax) : Self.estimateMax
    }

    private mutating func raise(_ index: Int, to rank: UInt8) {
        switch storage {
        case .dense(var table):
            guard table[index] < rank else { return }
            storage = .sparse([])
            table[index] = rank
            storage = .dense(table)
        case .sparse(var entries):
            let key = UInt32(index) << 8
            var low = 0
            var high = entries.count
            while low < high {
                let middle = (low + high) / 2
                if entries[middle] < key { low = middle + 1 } else { high = middle }
            }
            // Emptied first, so that the array is ours alone and changes in place.
            storage = .sparse([])
            if low < entries.count, entries[low] >> 8 == UInt32(index) {
                entries[low] = max(entries[low], key | UInt32(rank))
            } else {
                entries.insert(key | UInt32(rank), at: low)
            }
            storage = .sparse(entries)
            if entries.count > Self.sparseMax { becomeDense() }
        }
    }

    private mutating func becomeDense() {
        guard case .sparse(let entries) = storage else { return }
        var table = [UInt8](repeating: 0, count: Self.registers)
        for entry in entries { table[Int(entry >> 8)] = UInt8(truncatingIfNeeded: entry) }
        storage = .dense(table)
    }

    private static func sigma(_ start: Double) -> Double {
        guard start < 1 else { return .infinity }
        var x = start
        var y = 1.0
        var z = x
        while true {
            x *= x
            let last = z
            z += x * y
            y += y
            if z == last { return z }
        }
    }

    private static func tau(_ start: Double) -> Double {
        guard start > 0, start < 1 else { return 0 }
        var x = start
        var y = 1.0
        var z = 1 - x
        while true {
            x = x.squareRoot()
            let last = z
            y *= 0.5
            z -= (1 - x) * (1 - x) * y
            if z == last { return z / 3 }
        }
    }
}

extension DistinctSketch {
    private static let sparseVersion: UInt8 = 1
    private static let denseVersion: UInt8 = 2

    /// The serialised form: empty when the sketch is, else at most about 3 KiB.
    ///
    /// Sparse: version 1, number of registers, then distance (LEB128) and value of each. Dense: version 2, then
    /// all registers of 6 bits each, four in three bytes.
    package var bytes: [UInt8] {
        switch storage {
        case .sparse(let entries):
            guard !entries.isEmpty else { return [] }
            var writer = SketchWriter(version: Self.sparseVersion)
            writer.append(UInt64(entries.count))
            var last: UInt32 = 0
            for entry in entries {
                writer.append(UInt64(entry >> 8 - last))
                writer.append(byte: UInt8(truncatingIfNeeded: entry))
                last = entry >> 8
            }
            return writer.bytes
        case .dense(let table):
            var writer = SketchWriter(version: Self.denseVersion)
            for index in stride(from: 0, to: Self.registers, by: 4) {
                writer.append(byte: table[index] | table[index + 1] << 6)
                writer.append(byte: table[index + 1] >> 2 | table[index + 2] << 4)
                writer.append(byte: table[index + 2] >> 4 | table[index + 3] << 2)
            }
            return writer.bytes
        }
    }

    /// Reads the serialised form; nil for anything that ``bytes`` could not have made.
    package init?(bytes: [UInt8]) {
        self.init()
        guard let version = bytes.first else { return }
        switch version {
        case Self.sparseVersion: self.init(sparse: bytes)
        case Self.denseVersion: self.init(dense: bytes)
        default: return nil
        }
    }

    private init?(sparse bytes: [UInt8]) {
        guard var reader = SketchReader(bytes, version: Self.sparseVersion),
            let count = reader.integer(max: UInt64(Self.sparseMax)), count > 0
        else { return nil }
        var entries: [UInt32] = []
        entries.reserveCapacity(Int(count))
        var index: UInt64 = 0
        for position in 0..<count {
            guard let distance = reader.integer(max: UInt64(Self.registers - 1) - index),
                distance > 0 || position == 0, let rank = reader.byte(), (1...Self.rankMax).contains(rank)
            else { return nil }
            index += distance
            entries.append(UInt32(index) << 8 | UInt32(rank))
        }
        guard reader.isAtEnd else { return nil }
        self.storage = .sparse(entries)
    }

    private init?(dense bytes: [UInt8]) {
        guard bytes.count == 1 + Self.registers / 4 * 3 else { return nil }
        var table: [UInt8] = []
        table.reserveCapacity(Self.registers)
        for place in stride(from: 1, to: bytes.count, by: 3) {
            let (a, b, c) = (bytes[place], bytes[place + 1], bytes[place + 2])
            table += [a & 0x3F, a >> 6 | (b & 0xF) << 2, b >> 4 | (c & 0x3) << 4, c >> 2]
        }
        guard table.allSatisfy({ $0 <= Self.rankMax }), table.count(where: { $0 > 0 }) > Self.sparseMax else {
            return nil
        }
        self.storage = .dense(table)
    }
}

/// In JSON the estimate stands beside the hexadecimal serialised form, which alone is read back.
extension DistinctSketch: Codable {
    private enum Key: String, CodingKey {
        case estimate
        case sketch
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        let text = try container.decode(String.self, forKey: .sketch)
        guard let bytes = Hex.bytes(of: text), let sketch = DistinctSketch(bytes: bytes) else {
            throw DecodingError.dataCorruptedError(
                forKey: .sketch,
                in: container,
                debugDescription: "expected a serialised distinct sketch in hexadecimal digits"
            )
        }
        self = sketch
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(estimate.rounded(), forKey: .estimate)
        try container.encode(Hex.text(of: bytes), forKey: .sketch)
    }
}
