/// Numbers as whole multiples of a power of two, exactly.
enum ScaledIntegers {
    /// What a scale is told with, so that it is never negative.
    static let scaleBias = 2048
    /// Bits of the largest multiple: a Double holds no more.
    private static let widthMax = 53

    /// The multiples and the exponent of the unit; nil when there is no unit that fits all of them.
    static func of(_ values: [Double]) -> (integers: [Int64], scale: Int)? {
        var scale = Int.max
        var highest = Int.min
        for value in values where value != 0 {
            guard value.isNormal else { return nil }
            let exponent = Int(value.exponent)
            // The lowest bit that is set; without one in the fraction it is the leading one.
            scale = min(scale, exponent - 52 + min(52, value.significandBitPattern.trailingZeroBitCount))
            highest = max(highest, exponent)
        }
        guard scale != Int.max else { return nil }
        guard highest - scale < widthMax, unit(scale) != nil else { return nil }
        var integers: [Int64] = []
        integers.reserveCapacity(values.count)
        for value in values {
            if value == 0 {
                // A zero with a sign is another number.
                guard value.sign == .plus else { return nil }
                integers.append(0)
                continue
            }
            let digits = Int64(value.significandBitPattern | 1 << 52)
            let shift = Int(value.exponent) - 52 - scale
            let size = shift >= 0 ? digits << Int64(shift) : digits >> Int64(-shift)
            integers.append(value < 0 ? -size : size)
        }
        return (integers, scale)
    }

    /// Two to the power of a scale; nil when multiples of it would not be exact.
    static func unit(_ scale: Int) -> Double? {
        guard (-1022...(1023 - widthMax)).contains(scale) else { return nil }
        return Double(sign: .plus, exponent: scale, significand: 1)
    }
}
