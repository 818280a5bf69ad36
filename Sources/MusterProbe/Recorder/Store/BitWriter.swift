/// Writes bits, the most significant first.
struct BitWriter {
    private(set) var bytes: [UInt8] = []
    /// Bits that do not fill a byte yet, in its lower part.
    private var pending: UInt64 = 0
    /// Fewer than eight.
    private var pendingCount = 0

    /// Bits written so far.
    var bitCount: Int { bytes.count * 8 + pendingCount }

    /// Appends the lower `count` bits of a value, 0 to 64.
    mutating func write(_ value: UInt64, _ count: Int) {
        guard count <= 32 else {
            write(value >> 32, count - 32)
            return write(value, 32)
        }
        pending = pending << UInt64(count) | value & (1 << UInt64(count) - 1)
        pendingCount += count
        while pendingCount >= 8 {
            pendingCount -= 8
            bytes.append(UInt8(truncatingIfNeeded: pending >> UInt64(pendingCount)))
        }
    }

    /// Appends the bits of another writer.
    mutating func append(_ other: BitWriter) {
        for byte in other.bytes { write(UInt64(byte), 8) }
        write(other.pending, other.pendingCount)
    }

    /// Fills the last byte with zeros.
    mutating func finish() {
        if pendingCount > 0 { write(0, 8 - pendingCount) }
    }

    /// Forgets what was written and keeps its memory.
    mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
        pending = 0
        pendingCount = 0
    }
}

/// Reads what ``BitWriter`` wrote, and nothing else, without trusting it.
struct BitReader {
    private let bytes: [UInt8]
    private var next: Int
    private let end: Int
    private var pending: UInt64 = 0
    private var pendingCount = 0
    /// Whether more was asked for than there is; everything read from then on is 0.
    private(set) var isDamaged = false

    /// Reads a range of bytes; a range that is not inside them is damage.
    init(_ bytes: [UInt8], _ range: Range<Int>) {
        self.bytes = bytes
        let isInside = range.lowerBound >= 0 && range.upperBound <= bytes.count
        next = isInside ? range.lowerBound : 0
        end = isInside ? range.upperBound : 0
        isDamaged = !isInside
    }

    init(_ bytes: [UInt8]) { self.init(bytes, bytes.indices) }

    /// The next bits, 0 to 64.
    mutating func read(_ count: Int) -> UInt64 {
        guard count <= 32 else {
            let high = read(count - 32)
            return high << 32 | read(32)
        }
        while pendingCount < count {
            guard next < end else {
                isDamaged = true
                return 0
            }
            pending = pending << 8 | UInt64(bytes[next])
            next += 1
            pendingCount += 8
        }
        pendingCount -= count
        return pending >> UInt64(pendingCount) & (1 << UInt64(count) - 1)
    }

    /// Notes that what was read can't be.
    mutating func markDamaged() { isDamaged = true }
}
