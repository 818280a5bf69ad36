import CZlib

/// A file that may be compressed with gzip.
enum GzipFile {
    /// The whole of it, decompressed; nil when there is no such file.
    static func read(_ path: String, max: Int = 256 << 20) throws(CLIError) -> [UInt8]? {
        guard Files.exists(path) else { return nil }
        guard let file = gzopen(path, "rb") else { throw CLIError(.failed, "can't read \(path)") }
        defer { gzclose(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 256 << 10)
        while true {
            let count = gzread(file, &chunk, UInt32(chunk.count))
            guard count >= 0 else {
                throw CLIError(.failed, "\(path) is not what gzip wrote, or is cut off")
            }
            guard count > 0 else { break }
            bytes += chunk[..<Int(count)]
            guard bytes.count <= max else { throw CLIError(.failed, "\(path) has more than \(max) bytes") }
        }
        // Cut in the middle, reading ends without a word.
        var code: Int32 = 0
        _ = gzerror(file, &code)
        guard code == Z_OK || code == Z_STREAM_END else { throw CLIError(.failed, "\(path) is cut off") }
        return bytes
    }
}
