import Glibc

/// The file itself, whatever it is called.
struct FileIdentity: Hashable, Sendable {
    var device: UInt64
    var inode: UInt64
}

/// A few bytes of a file, by which it is known again: how many they are, and their FNV-1a hash.
struct Fingerprint: Hashable, Sendable {
    static let bytesMax = 64

    var count: Int
    var hash: UInt64

    init(count: Int = 0, hash: UInt64 = 0xCBF2_9CE4_8422_2325) {
        self.count = count
        self.hash = hash
    }

    init(_ bytes: UnsafeRawBufferPointer) {
        self.init(count: bytes.count)
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    }

    /// Of the bytes that stand in a file at `offset`; fewer than `count` where the file ends before.
    init(descriptor: Int32, at offset: Int, count: Int) {
        self = withUnsafeTemporaryAllocation(byteCount: Self.bytesMax, alignment: 1) { bytes in
            let got = pread(descriptor, bytes.baseAddress, min(count, Self.bytesMax), off_t(offset))
            return Fingerprint(UnsafeRawBufferPointer(rebasing: bytes[..<max(0, got)]))
        }
    }
}

/// The first bytes that were read of a file, by which it and its copies are known.
///
/// Taken from what was read and handed on, never looked up later: the file may have been emptied in between, and
/// what stands there then belongs to another time.
struct FileHead: Hashable, Sendable {
    /// How another file compares.
    enum Match {
        case same
        case different
        /// Alike as far as the other goes, which is not far enough.
        case short
    }

    static let bytesMax = 64

    /// Where they stand: zeros before them are none of the file's.
    var offset = 0
    var bytes: [UInt8] = []

    /// Nothing is known yet.
    init() {}

    /// Looks at a file of which reading does not begin at its start.
    init(of descriptor: Int32) {
        var buffer = [UInt8](repeating: 0, count: Self.bytesMax)
        let got = max(0, pread(descriptor, &buffer, buffer.count, 0))
        extend(buffer[..<got], at: 0)
    }

    /// Takes in bytes that were read at a place, if they go on from the ones before.
    mutating func extend(_ read: ArraySlice<UInt8>, at place: Int) {
        guard bytes.count < Self.bytesMax else { return }
        var rest = read
        if bytes.isEmpty {
            rest = rest.drop { $0 == 0 }
            offset = place + (rest.startIndex - read.startIndex)
        } else if place != offset + bytes.count {
            return
        }
        // Where room is kept free, what will be written is not known yet.
        bytes += rest.prefix(Self.bytesMax - bytes.count).prefix { $0 != 0 }
    }

    func match(_ descriptor: Int32) -> Match {
        guard !bytes.isEmpty else { return .short }
        var buffer = [UInt8](repeating: 0, count: bytes.count)
        let got = max(0, pread(descriptor, &buffer, buffer.count, off_t(offset)))
        guard buffer[..<got].elementsEqual(bytes[..<got]) else { return .different }
        return got == bytes.count ? .same : .short
    }
}

/// How far a file was read, and enough of what stands there to know whether it is still that file.
///
/// An inode alone is not enough: it is given to the next file as soon as the old one is gone, and it stays the same
/// when a file is emptied.
struct FileMark: Hashable, Sendable {
    var path: String
    var identity: FileIdentity
    /// Where the next byte would be read.
    var offset: Int
    /// Start of the line that was not complete yet; `offset` when there was none.
    var lineStart: Int
    var head: FileHead
    /// The last bytes before `offset`.
    var tail: Fingerprint
    /// When the file was last written to, in nanoseconds by the file system's clock.
    var modified: Int64

    /// Whether an open file holds what was read, up to `offset`: it is the same file grown, or a copy of it.
    func isHeld(by descriptor: Int32, size: Int) -> Bool {
        size >= offset && (head.bytes.isEmpty || head.match(descriptor) == .same)
            && Fingerprint(descriptor: descriptor, at: offset - tail.count, count: tail.count) == tail
    }
}
