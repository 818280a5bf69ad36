import Glibc
import MusterCore

/// libsystemd's reader of journals (sd-journal(3)), loaded on first use: it brings seven libraries along.
///
/// `@unchecked Sendable`: the functions are looked up once and only called after.
struct JournalLibrary: @unchecked Sendable {
    typealias Handle = OpaquePointer
    typealias Open = @convention(c) (UnsafeMutablePointer<Handle?>, Int32) -> Int32
    typealias OpenFolder =
        @convention(c) (UnsafeMutablePointer<Handle?>, UnsafePointer<CChar>, Int32) -> Int32
    typealias Close = @convention(c) (Handle) -> Void
    typealias Move = @convention(c) (Handle) -> Int32
    typealias Seek = @convention(c) (Handle, UInt64) -> Int32
    typealias Time = @convention(c) (Handle, UnsafeMutablePointer<UInt64>) -> Int32
    typealias Field =
        @convention(c) (
            Handle, UnsafePointer<CChar>, UnsafeMutablePointer<UnsafeRawPointer?>, UnsafeMutablePointer<Int>
        ) -> Int32

    let open: Open
    let openFolder: OpenFolder
    let close: Close
    let next: Move
    /// Takes notice of new files and of those that went.
    let process: Move
    /// Has to be asked for once, so that there is something to notice.
    let watch: Move
    let seek: Seek
    let time: Time
    let field: Field

    private static let loaded = Result { () throws(ProbeError) in try load() }

    static func shared() throws(ProbeError) -> JournalLibrary { try loaded.get() }

    private static func load() throws(ProbeError) -> JournalLibrary {
        guard let handle = dlopen("libsystemd.so.0", RTLD_NOW | RTLD_LOCAL) else {
            throw ProbeError(
                .refused,
                "the journal needs libsystemd.so.0, which this host does not have; Debian's package is libsystemd0"
            )
        }
        func find(_ name: String) throws(ProbeError) -> UnsafeMutableRawPointer {
            guard let found = dlsym(handle, "sd_journal_" + name) else {
                throw ProbeError(.refused, "libsystemd.so.0 has no sd_journal_\(name)")
            }
            return found
        }
        return JournalLibrary(
            open: unsafeBitCast(try find("open"), to: Open.self),
            openFolder: unsafeBitCast(try find("open_directory"), to: OpenFolder.self),
            close: unsafeBitCast(try find("close"), to: Close.self),
            next: unsafeBitCast(try find("next"), to: Move.self),
            process: unsafeBitCast(try find("process"), to: Move.self),
            watch: unsafeBitCast(try find("get_fd"), to: Move.self),
            seek: unsafeBitCast(try find("seek_realtime_usec"), to: Seek.self),
            time: unsafeBitCast(try find("get_realtime_usec"), to: Time.self),
            field: unsafeBitCast(try find("get_data"), to: Field.self)
        )
    }
}
