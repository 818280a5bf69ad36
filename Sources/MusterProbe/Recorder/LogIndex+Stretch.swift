import Glibc
import MusterCore

extension LogIndex.Stretch {
    /// Bytes of a file without an index that are read before what stands in front of them.
    private static let wholeBytes = 16 << 20

    /// Whether what it tells of stands in a compressed file; its places are then those of the content.
    var isGzip: Bool { path.hasSuffix(".gz") }

    /// All of a file that no index knows, in its order.
    static func whole(
        _ path: String,
        _ status: FileStatus,
        input: Int,
        earliest: Timestamp = Timestamp(nanoseconds: .min),
        latest: Timestamp = Timestamp(nanoseconds: .max)
    ) -> [Self] {
        let all = Self(
            path: path,
            device: status.device,
            inode: status.inode,
            input: input,
            from: 0,
            to: nil,
            earliest: earliest,
            latest: latest
        )
        // Where a compressed file's content may be cut is not known before it is inflated.
        guard !all.isGzip else { return [all] }
        return stride(from: 0, to: status.size, by: wholeBytes).map { from in
            var part = all
            part.from = from
            part.to = from + wholeBytes < status.size ? from + wholeBytes : nil
            return part
        }
    }

    /// Its bytes in the opened file, from where a line begins to where one does; nil to the end of the file.
    ///
    /// What stood in a file before it was followed is cut at round places, so where lines begin is looked up.
    func range(in descriptor: Int32) -> (from: Int, to: Int?) {
        (Self.lineStart(descriptor, from), to.map { Self.lineStart(descriptor, $0) })
    }

    /// The first place from `offset` on where a line begins; the end of the file when there is none.
    private static func lineStart(_ descriptor: Int32, _ offset: Int) -> Int {
        guard offset > 0 else { return 0 }
        var place = offset - 1
        // Mostly a line begins just there.
        var step = 1
        while true {
            let bytes = [UInt8](unsafeUninitializedCapacity: step) { buffer, used in
                used = max(0, pread(descriptor, buffer.baseAddress, step, place))
            }
            guard !bytes.isEmpty else { return max(offset, place) }
            if let found = bytes.firstIndex(of: 0x0A) { return place + found + 1 }
            place += bytes.count
            step = 16 << 10
        }
    }
}
