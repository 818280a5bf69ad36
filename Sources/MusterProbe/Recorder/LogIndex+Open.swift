import CLinux
import Glibc

extension LogIndex.Stretch {
    /// Opens the very file that was indexed, under its name or the one that rotation usually gives it.
    ///
    /// Nil when it is nowhere to be found; else the caller closes it.
    func open(in files: HostFiles) -> Int32? {
        for name in [path, path + ".1", path + ".0"] {
            let descriptor = Glibc.open(files.path(name), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
            guard descriptor >= 0 else { continue }
            var status = stat()
            if fstat(descriptor, &status) == 0, UInt64(status.st_ino) == inode,
                UInt64(status.st_dev) == device
            {
                return descriptor
            }
            close(descriptor)
        }
        return nil
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
