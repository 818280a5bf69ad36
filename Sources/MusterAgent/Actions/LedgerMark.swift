import MusterCore
import MusterIdentity

/// How far the ledger had come, kept beside it: a ledger that was lost, cut, changed or put back shows by it.
///
/// It is written and synced after each step, so after a crash the ledger may be one step ahead of it, never behind. Two
/// places in the file take turns, so that a torn write leaves the other. Each has 64 bytes: CRC-32 of the rest (4 bytes,
/// big-endian), zeros (4), steps (8), length of the ledger (8), zeros (8), head of the chain (32).
struct LedgerMark: Equatable {
    static let name = "ledger.mark"
    private static let placeBytes = 64

    /// Steps in the ledger.
    var steps: UInt64
    /// Length of the ledger's file up to there.
    var length: Int
    var head: Digest

    /// Where the chain begins, before any record.
    static let chainStart = SHA256.hash(Array("muster/ledger/v1\0".utf8))

    /// The chain's head after one more record.
    static func chained(_ head: Digest, _ record: some Sequence<UInt8>) -> Digest {
        var hash = SHA256()
        hash.update(head.bytes)
        hash.update(record)
        return hash.finalize()
    }

    /// Reads the newest of the two places; nil when there is no file.
    ///
    /// - Throws: ``AgentError`` when neither place is sound.
    static func read(folder: String) throws(AgentError) -> LedgerMark? {
        let path = "\(folder)/\(name)"
        guard let bytes = try SafeFile.read(path, bytesMax: 4096) else { return nil }
        return try newest(bytes, path: path)
    }

    /// The newest of the two places in a file's bytes; throws when neither is sound.
    static func newest(_ bytes: [UInt8], path: String) throws(AgentError) -> LedgerMark {
        let marks = [0, placeBytes].compactMap { start in
            bytes.count >= start + placeBytes ? LedgerMark(bytes[start..<start + placeBytes]) : nil
        }
        guard let newest = marks.max(by: { ($0.steps, $0.length) < ($1.steps, $1.length) }) else {
            throw AgentError(.system, "the mark of \(path) is damaged")
        }
        return newest
    }

    /// Makes the file.
    func make(folder: String) throws(AgentError) {
        try SafeFile.write("\(folder)/\(Self.name)", bytes + bytes, mode: 0o600)
    }

    /// Has it written over the older of the two places.
    func write(_ write: ([UInt8], _ place: Int) throws(AgentError) -> Void) throws(AgentError) {
        try write(bytes, Int(steps % 2) * Self.placeBytes)
    }

    private init?(_ place: ArraySlice<UInt8>) {
        var reader = ByteReader(place)
        guard let check = reader.half(), reader.half() == 0, let steps = reader.word(),
            let length = reader.word(), length <= UInt64(Int32.max), reader.word() == 0,
            let head = Digest(bytes: Array(place.suffix(32))),
            check == CRC32.of(place.dropFirst(4))
        else { return nil }
        self.init(steps: steps, length: Int(length), head: head)
    }

    init(steps: UInt64, length: Int, head: Digest) {
        self.steps = steps
        self.length = length
        self.head = head
    }

    private var bytes: [UInt8] {
        var body = ByteWriter()
        body.half(0)
        body.word(steps)
        body.word(UInt64(length))
        body.word(0)
        let rest = body.bytes + head.bytes
        var check = ByteWriter()
        check.half(CRC32.of(rest))
        return check.bytes + rest
    }
}
