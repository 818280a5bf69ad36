/// Codes small whole numbers in few bits: Rice codes whose parameter follows the numbers.
///
/// A number `u` is `u >> k` ones, a zero, and `k` bits; `k` is the logarithm of the mean of the last numbers, so the
/// same code serves counters of bytes and shares of a CPU. Numbers far beyond the mean are written out, so none
/// takes more than 82 bits. After Rice and Plaunt (1971) and the adaptation of JPEG-LS (ITU-T T.87, A.5).
struct IntegerCodec {
    /// Ones after which the number is written out instead.
    private static let onesMax = 12
    /// Numbers after which old ones count half.
    private static let memory: UInt64 = 16

    /// Whether zero has a bit of its own.
    ///
    /// Right for what mostly stands still and then leaps: without it a leap makes
    /// the following zeros dear.
    let hasZeroFlag: Bool
    private var sum: UInt64 = 4
    private var count: UInt64 = 1

    init(hasZeroFlag: Bool) { self.hasZeroFlag = hasZeroFlag }

    mutating func write(_ value: UInt64, to writer: inout BitWriter) {
        var rest = value
        if hasZeroFlag {
            writer.write(value == 0 ? 0 : 1, 1)
            guard value != 0 else { return }
            rest = value - 1
        }
        let k = parameter
        let ones = rest >> UInt64(k)
        if ones < UInt64(Self.onesMax) {
            writer.write((1 << (ones + 1)) - 2, Int(ones) + 1)
            writer.write(rest, k)
        } else {
            writer.write((1 << UInt64(Self.onesMax)) - 1, Self.onesMax)
            let width = 64 - rest.leadingZeroBitCount
            writer.write(UInt64(max(1, width) - 1), 6)
            writer.write(rest, max(1, width))
        }
        adapt(to: rest)
    }

    mutating func read(from reader: inout BitReader) -> UInt64 {
        if hasZeroFlag, reader.read(1) == 0 { return 0 }
        let k = parameter
        var ones = 0
        while ones < Self.onesMax, reader.read(1) == 1 { ones += 1 }
        let rest: UInt64
        if ones < Self.onesMax {
            rest = UInt64(ones) << UInt64(k) | reader.read(k)
        } else {
            rest = reader.read(Int(reader.read(6)) + 1)
        }
        adapt(to: rest)
        return hasZeroFlag ? rest &+ 1 : rest
    }

    private var parameter: Int {
        let mean = sum / count
        return mean == 0 ? 0 : 63 - mean.leadingZeroBitCount
    }

    private mutating func adapt(to value: UInt64) {
        // A few numbers of 48 bits must not overflow the sum; larger ones need no finer parameter.
        sum += min(value, 1 << 48)
        count += 1
        if count >= Self.memory {
            sum >>= 1
            count >>= 1
        }
    }

    /// A signed number as an unsigned one, small ones staying small.
    static func unsigned(_ value: Int64) -> UInt64 { UInt64(bitPattern: value << 1 ^ value >> 63) }

    static func signed(_ value: UInt64) -> Int64 {
        Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
    }
}
