import CLinux
import Glibc

/// Reads a stretch of a file in blocks of whole lines, into one buffer that is used again and again.
///
/// Reads, and does not map: a file may be emptied at any time, and touching a page that is gone would end the
/// process.
struct LogBlocks {
    /// Bytes read at once: few enough to stay in the processor's cache until they are looked at.
    private static let readBytes = 256 << 10
    /// Bytes of a line that are looked at; the rest of a longer one is passed over and counted.
    static let lineBytesMax = 4 << 20

    /// The block's bytes, and ``WordScan/padding`` bytes more behind them.
    ///
    /// A copy of the array must be let go before the next block is read, or the buffer would be copied whole.
    private(set) var buffer = [UInt8](repeating: 0, count: readBytes + WordScan.padding)
    /// Where in the file the block begins.
    private(set) var blockStart = 0
    /// How many of the buffer's bytes are the block.
    private(set) var blockCount = 0
    /// Lines that were looked at only in part.
    private(set) var linesCut = 0
    /// What the system said when reading failed; 0 when it did not.
    private(set) var failure: Int32 = 0

    private var descriptor: Int32 = -1
    private var offset = 0
    private var end = 0
    private var filled = 0
    private var skipping = false

    /// Begins a stretch that starts where a line starts; without `to` it goes to the end of the file.
    mutating func begin(_ descriptor: Int32, from: Int, to: Int?) {
        if buffer.count > Self.readBytes + WordScan.padding {
            buffer = [UInt8](repeating: 0, count: Self.readBytes + WordScan.padding)
        }
        self.descriptor = descriptor
        offset = from
        end = to ?? .max
        blockStart = from
        blockCount = 0
        filled = 0
        skipping = false
        failure = 0
    }

    /// Reads the next block; false when the stretch is over.
    mutating func next() -> Bool {
        drop(blockCount)
        blockCount = 0
        while true {
            if free < Self.readBytes / 2 {
                // No line break among so many bytes.
                guard filled < Self.lineBytesMax else {
                    linesCut += 1
                    skipping = true
                    blockCount = filled
                    return true
                }
                buffer.append(contentsOf: repeatElement(0, count: buffer.count))
            }
            let got = readMore()
            guard got > 0 else {
                // A last line without a line break is one too.
                blockCount = filled
                return filled > 0
            }
            if skipping { skipToLineBreak() }
            if let last = lastLineBreak(newBytes: min(got, filled)) {
                blockCount = last + 1
                return true
            }
        }
    }

    private var free: Int { buffer.count - WordScan.padding - filled }

    /// Takes bytes off the front.
    private mutating func drop(_ count: Int) {
        filled -= count
        blockStart += count
        guard filled > 0, count > 0 else { return }
        let rest = filled
        buffer.withUnsafeMutableBytes { bytes in
            if let base = bytes.baseAddress { memmove(base, base + count, rest) }
        }
    }

    private mutating func readMore() -> Int {
        let wanted = min(free, Self.readBytes, end - offset)
        guard wanted > 0 else { return 0 }
        var got: Int
        repeat {
            got = buffer.withUnsafeMutableBytes { bytes in
                bytes.baseAddress.map { pread(descriptor, $0 + filled, wanted, offset) } ?? 0
            }
        } while got < 0 && errno == EINTR
        if got < 0 { failure = errno }
        guard got > 0 else { return 0 }
        offset += got
        filled += got
        return got
    }

    private func lastLineBreak(newBytes count: Int) -> Int? {
        let old = filled - count
        let found = buffer.withUnsafeBufferPointer { bytes in
            bytes.baseAddress.map { muster_last($0 + old, count, 0x0A) } ?? -1
        }
        return found < 0 ? nil : old + found
    }

    /// Lets the rest of a line that was cut pass.
    private mutating func skipToLineBreak() {
        let stop = buffer[..<filled].firstIndex(of: 0x0A)
        skipping = stop == nil
        drop(stop.map { $0 + 1 } ?? filled)
    }
}
