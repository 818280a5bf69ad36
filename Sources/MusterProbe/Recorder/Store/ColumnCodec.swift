/// Codes the values of one series, or the times of a block, in few bits and without loss.
///
/// Measured values are whole multiples of some power of two (the recorder rounds them so), which makes them
/// integers: each is told by its distance to the one before or to the smallest, whichever is shorter over the column
/// (see ``IntegerCodec``). A column that stands still costs a few bytes. Values that are no such multiples, infinities
/// and -0 are coded by what differs in their bits (Pelkonen and others: "Gorilla", VLDB 2015).
enum ColumnCodec {
    /// Most values of a column.
    static let countMax = 4096

    private enum Kind: UInt64 {
        case constant
        case integers
        case bits
    }

    // MARK: Values

    /// Appends the values; NaN is a gap, and is the same NaN when it comes back.
    static func encode(_ values: ArraySlice<Double>, to writer: inout BitWriter) {
        precondition(values.count <= countMax, "a column has at most \(countMax) values")
        let known = values.filter { !$0.isNaN }
        writer.write(known.count < values.count ? 1 : 0, 1)
        if known.count < values.count {
            for value in values { writer.write(value.isNaN ? 0 : 1, 1) }
        }
        guard let first = known.first else { return }
        if known.allSatisfy({ $0.bitPattern == first.bitPattern }) {
            writer.write(Kind.constant.rawValue, 2)
            // Zero is what most series say most of the time.
            writer.write(first.bitPattern == 0 ? 0 : 1, 1)
            if first.bitPattern != 0 { writer.write(first.bitPattern, 64) }
        } else if let (integers, scale) = ScaledIntegers.of(known) {
            writer.write(Kind.integers.rawValue, 2)
            writer.write(UInt64(scale + ScaledIntegers.scaleBias), 12)
            encode(integers: integers, to: &writer)
        } else {
            writer.write(Kind.bits.rawValue, 2)
            encode(bits: known, to: &writer)
        }
    }

    /// Reads `count` values.
    static func decode(count: Int, from reader: inout BitReader) throws(ProbeError) -> [Double] {
        guard (0...countMax).contains(count) else {
            throw ProbeError(.malformed, "a column of \(count) values")
        }
        var known = count
        var isKnown: [Bool] = []
        if reader.read(1) == 1 {
            isKnown = (0..<count).map { _ in reader.read(1) == 1 }
            known = isKnown.count { $0 }
        }
        var values: [Double] = []
        if known > 0 {
            switch Kind(rawValue: reader.read(2)) {
            case .constant:
                let pattern = reader.read(1) == 0 ? 0 : reader.read(64)
                values = [Double](repeating: Double(bitPattern: pattern), count: known)
            case .integers:
                guard let unit = ScaledIntegers.unit(Int(reader.read(12)) - ScaledIntegers.scaleBias) else {
                    throw ProbeError(.malformed, "a column with an impossible scale")
                }
                values = decodeIntegers(count: known, from: &reader).map { Double($0) * unit }
            case .bits: values = decodeBits(count: known, from: &reader)
            case nil: throw ProbeError(.malformed, "a column of an unknown kind")
            }
        }
        guard !reader.isDamaged else { throw ProbeError(.malformed, "a column that ends early") }
        guard !isKnown.isEmpty else { return values }
        var next = 0
        return isKnown.map { isKnown in
            guard isKnown else { return .nan }
            next += 1
            return values[next - 1]
        }
    }

    // MARK: Times

    /// Appends moments in nanoseconds, of which the steps are told by how much they differ from one another.
    static func encode(times: [Int64], to writer: inout BitWriter) {
        precondition(times.count <= countMax, "a column has at most \(countMax) times")
        let isMilliseconds = times.allSatisfy { $0 % 1_000_000 == 0 }
        let unit: Int64 = isMilliseconds ? 1_000_000 : 1
        writer.write(isMilliseconds ? 1 : 0, 1)
        var codec = IntegerCodec(hasZeroFlag: false)
        var (last, step): (Int64, Int64) = (0, 0)
        for (index, time) in times.enumerated() {
            let value = time / unit
            let change = value &- last
            codec.write(IntegerCodec.unsigned(change &- step), to: &writer)
            // The first is no step but the moment itself.
            step = index == 0 ? 0 : change
            last = value
        }
    }

    /// Reads `count` moments.
    static func decodeTimes(count: Int, from reader: inout BitReader) throws(ProbeError) -> [Int64] {
        guard (0...countMax).contains(count) else {
            throw ProbeError(.malformed, "a column of \(count) times")
        }
        let unit: Int64 = reader.read(1) == 1 ? 1_000_000 : 1
        var codec = IntegerCodec(hasZeroFlag: false)
        var (last, step): (Int64, Int64) = (0, 0)
        var times: [Int64] = []
        times.reserveCapacity(count)
        for index in 0..<count {
            let change = IntegerCodec.signed(codec.read(from: &reader)) &+ step
            last = last &+ change
            step = index == 0 ? 0 : change
            times.append(last &* unit)
        }
        guard !reader.isDamaged else { throw ProbeError(.malformed, "times that end early") }
        return times
    }

    // MARK: Integers

    /// In the shortest of four ways: distances to the one before or to the smallest, with a bit for zero or without.
    private static func encode(integers: [Int64], to writer: inout BitWriter) {
        let smallest = integers.min() ?? 0
        var best: (way: UInt64, output: BitWriter)?
        for way in UInt64(0)..<4 {
            var output = BitWriter()
            var codec = IntegerCodec(hasZeroFlag: way & 1 == 1)
            let start = way & 2 == 0 ? integers.first ?? 0 : smallest
            encode(start: start, to: &output)
            var last = start
            for integer in way & 2 == 0 ? integers.dropFirst() : integers[...] {
                let distance = integer &- last
                let isSteps = way & 2 == 0
                codec.write(
                    isSteps ? IntegerCodec.unsigned(distance) : UInt64(bitPattern: distance),
                    to: &output
                )
                if isSteps { last = integer }
            }
            if best.map({ output.bitCount < $0.output.bitCount }) ?? true { best = (way, output) }
        }
        guard let best else { return }
        writer.write(best.way, 2)
        writer.append(best.output)
    }

    private static func decodeIntegers(count: Int, from reader: inout BitReader) -> [Int64] {
        let way = reader.read(2)
        var codec = IntegerCodec(hasZeroFlag: way & 1 == 1)
        let isSteps = way & 2 == 0
        var last = decodeStart(from: &reader)
        var integers: [Int64] = []
        integers.reserveCapacity(count)
        if isSteps { integers.append(last) }
        while integers.count < count {
            let code = codec.read(from: &reader)
            if isSteps {
                last = last &+ IntegerCodec.signed(code)
                integers.append(last)
            } else {
                integers.append(last &+ Int64(bitPattern: code))
            }
        }
        return integers
    }

    private static func encode(start: Int64, to writer: inout BitWriter) {
        let value = IntegerCodec.unsigned(start)
        let width = max(1, 64 - value.leadingZeroBitCount)
        writer.write(UInt64(width - 1), 6)
        writer.write(value, width)
    }

    private static func decodeStart(from reader: inout BitReader) -> Int64 {
        IntegerCodec.signed(reader.read(Int(reader.read(6)) + 1))
    }

    // MARK: Bits

    private static func encode(bits values: [Double], to writer: inout BitWriter) {
        var last: UInt64 = 0
        var window = (leading: 0, width: 64)
        for value in values {
            let difference = value.bitPattern ^ last
            last = value.bitPattern
            writer.write(difference == 0 ? 0 : 1, 1)
            guard difference != 0 else { continue }
            let leading = min(31, difference.leadingZeroBitCount)
            let trailing = difference.trailingZeroBitCount
            let fits =
                leading >= window.leading && trailing >= 64 - window.leading - window.width
                && window.width <= 64 - leading - trailing + 11
            writer.write(fits ? 0 : 1, 1)
            if !fits {
                window = (leading, 64 - leading - trailing)
                writer.write(UInt64(leading), 5)
                writer.write(UInt64(window.width - 1), 6)
            }
            writer.write(difference >> UInt64(64 - window.leading - window.width), window.width)
        }
    }

    private static func decodeBits(count: Int, from reader: inout BitReader) -> [Double] {
        var last: UInt64 = 0
        var window = (leading: 0, width: 64)
        var values: [Double] = []
        values.reserveCapacity(count)
        for _ in 0..<count {
            if reader.read(1) == 1 {
                if reader.read(1) == 1 {
                    window = (Int(reader.read(5)), Int(reader.read(6)) + 1)
                    if window.leading + window.width > 64 {
                        reader.markDamaged()
                        window = (0, 64)
                    }
                }
                last ^= reader.read(window.width) << UInt64(64 - window.leading - window.width)
            }
            values.append(Double(bitPattern: last))
        }
        return values
    }
}
