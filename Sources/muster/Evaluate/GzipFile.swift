import Glibc

/// A file that may be compressed with gzip; libz is loaded when one is read.
enum GzipFile {
    private typealias Open = @convention(c) (UnsafePointer<CChar>, UnsafePointer<CChar>) -> OpaquePointer?
    private typealias Read = @convention(c) (OpaquePointer, UnsafeMutableRawPointer, UInt32) -> Int32
    private typealias Close = @convention(c) (OpaquePointer) -> Int32

    /// The whole of it, decompressed; nil when there is no such file.
    static func read(_ path: String, max: Int = 256 << 20) throws(CLIError) -> [UInt8]? {
        guard Files.exists(path) else { return nil }
        guard let library = dlopen("libz.so.1", RTLD_NOW | RTLD_LOCAL), let open = dlsym(library, "gzopen64"),
            let read = dlsym(library, "gzread"), let close = dlsym(library, "gzclose")
        else {
            throw CLIError(.failed, "reading \(path) needs libz.so.1; Debian's package is zlib1g")
        }
        guard let file = unsafeBitCast(open, to: Open.self)(path, "rb") else {
            throw CLIError(.failed, "can't read \(path)")
        }
        defer { _ = unsafeBitCast(close, to: Close.self)(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 256 << 10)
        while true {
            let count = unsafeBitCast(read, to: Read.self)(file, &chunk, UInt32(chunk.count))
            guard count >= 0 else {
                throw CLIError(.failed, "\(path) is not what gzip wrote, or is cut off")
            }
            guard count > 0 else { return bytes }
            bytes += chunk[..<Int(count)]
            guard bytes.count <= max else { throw CLIError(.failed, "\(path) has more than \(max) bytes") }
        }
    }
}
