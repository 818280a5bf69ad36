import CLinux
import Glibc

/// libz, loaded on first use: a host without compressed logs maps nothing of it.
///
/// `@unchecked Sendable`: the functions are looked up once and only called after.
struct ZLibrary: @unchecked Sendable {
    typealias Open = @convention(c) (Int32, UnsafePointer<CChar>) -> OpaquePointer?
    typealias Read = @convention(c) (OpaquePointer, UnsafeMutableRawPointer, UInt32) -> Int32
    typealias Close = @convention(c) (OpaquePointer) -> Int32

    let open: Open
    let read: Read
    let close: Close

    private static let loaded = Result { () throws(ProbeError) in try load() }

    static func shared() throws(ProbeError) -> ZLibrary { try loaded.get() }

    private static func load() throws(ProbeError) -> ZLibrary {
        guard let handle = dlopen("libz.so.1", RTLD_NOW | RTLD_LOCAL) else {
            throw ProbeError(
                .refused,
                "compressed logs need libz.so.1, which this host does not have; Debian's package is zlib1g"
            )
        }
        guard let open = dlsym(handle, "gzdopen"), let read = dlsym(handle, "gzread"),
            let close = dlsym(handle, "gzclose")
        else { throw ProbeError(.refused, "libz.so.1 can't read files") }
        return ZLibrary(
            open: unsafeBitCast(open, to: Open.self),
            read: unsafeBitCast(read, to: Read.self),
            close: unsafeBitCast(close, to: Close.self)
        )
    }
}
