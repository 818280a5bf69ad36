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
}
