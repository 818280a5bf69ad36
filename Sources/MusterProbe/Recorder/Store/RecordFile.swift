import CLinux
import Glibc

/// A file to which records are only ever appended, each with its length and a checksum.
///
/// A record is the length of its body in bytes (4 bytes, little-endian), a ``Checksum`` of kind and body (4), its kind
/// (1) and its body. The file begins with eight bytes that name its format.
///
/// Nothing is synced: what was appended survives the end of this process in any way, but the last half minute or so
/// may not survive that of the machine. A record that could not be written whole is taken back.
final class RecordFile {
    /// Largest body.
    static let bodyBytesMax = 8 << 20
    static let headBytes = 9
    static let magic = Array("MUSTREC1".utf8)

    /// Writes bytes to a descriptor as `write(2)` does; tests put a disk there that is full.
    typealias Write = @Sendable (Int32, UnsafeRawPointer, Int) -> Int

    let path: String
    private(set) var length: Int
    private let descriptor: Int32
    private let write: Write

    /// Opens a file for appending after `length` bytes, which are known to be sound; makes it when it is missing.
    ///
    /// What is beyond them is cut off.
    init(_ path: String, length: Int, write: @escaping Write = { Glibc.write($0, $1, $2) }) throws(ProbeError)
    {
        descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw ProbeError(.unreadable, "\(path): \(systemError(errno))") }
        self.path = path
        self.length = length
        self.write = write
        // deinit closes it then, too: everything that is stored has its value.
        guard ftruncate(descriptor, length) == 0 else {
            throw ProbeError(.unreadable, "\(path) can't be cut: \(systemError(errno))")
        }
    }

    deinit { close(descriptor) }

    /// Appends records in one write, or nothing.
    ///
    /// Throws `full` when the disk has no room.
    func append(_ records: [(kind: UInt8, body: [UInt8])]) throws(ProbeError) {
        var bytes = length == 0 ? Self.magic : []
        bytes.reserveCapacity(records.reduce(8) { $0 + $1.body.count + Self.headBytes })
        for (kind, body) in records {
            bytes.append(word: UInt32(truncatingIfNeeded: body.count))
            bytes.append(word: Self.checksum(kind, body[...]))
            bytes.append(kind)
            bytes.append(contentsOf: body)
        }
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { buffer -> Int in
                guard let base = buffer.baseAddress else { return 0 }
                return write(descriptor, base + written, buffer.count - written)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                let code = count < 0 ? errno : ENOSPC
                // What follows must not come after half a record.
                ftruncate(descriptor, length)
                let isFull = code == ENOSPC || code == EDQUOT || code == EFBIG
                throw ProbeError(isFull ? .full : .unreadable, "\(path): \(systemError(code))")
            }
            written += count
        }
        length += written
    }

    /// Forgets all records.
    func clear() throws(ProbeError) {
        guard ftruncate(descriptor, 0) == 0 else {
            throw ProbeError(.unreadable, "\(path) can't be emptied: \(systemError(errno))")
        }
        length = 0
    }

    private static func checksum(_ kind: UInt8, _ body: ArraySlice<UInt8>) -> UInt32 {
        Checksum.of(body) ^ UInt32(kind) &* 0x9E37_79B1
    }

    // MARK: Reading

    /// What a file holds.
    struct Contents {
        var bytes: [UInt8] = []
        /// Kind and place of each sound record, in order.
        var records: [(kind: UInt8, body: Range<Int>)] = []
        /// Bytes up to the end of the last sound record.
        var soundBytes = 0
        /// Whether there is more than that: a record that was not written to its end, or was damaged.
        var isTorn: Bool { soundBytes < bytes.count }
    }

    /// Reads a whole file up to the first record that is not sound.
    static func read(_ path: String, bytesMax: Int) throws(ProbeError) -> Contents {
        contents(of: try HostFiles().read(path, bytesMax: bytesMax))
    }

    /// Finds the records in the bytes of a file.
    static func contents(of bytes: [UInt8]) -> Contents {
        var contents = Contents(bytes: bytes)
        guard bytes.starts(with: magic) else { return contents }
        contents.soundBytes = magic.count
        var reader = StoredReader(bytes, magic.count..<bytes.count)
        while let size = reader.word(), let checksum = reader.word(), let kind = reader.byte(),
            size <= bodyBytesMax, let body = reader.skip(Int(size)),
            Self.checksum(kind, bytes[body]) == checksum
        {
            contents.records.append((kind, body))
            contents.soundBytes = reader.next
        }
        return contents
    }
}
