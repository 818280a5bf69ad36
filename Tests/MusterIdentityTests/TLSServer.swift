import Glibc
import MusterCore
import MusterIdentity
import MusterTesting

/// A TLS server of OpenSSL that answers each line reversed.
struct TLSServer {
    private let process: ChildProcess
    let port: Int

    /// With `clients` it demands a certificate of that CA.
    init(
        _ certificate: Certificate,
        key: TLSKey,
        chain: [Certificate] = [],
        clients: Certificate? = nil,
        options: [String] = ["-alpn", "muster/1"],
        in directory: TemporaryDirectory
    ) throws {
        var arguments = [
            "openssl", "s_server", "-accept", "127.0.0.1:0", "-rev",
            "-cert", try directory.write("server.pem", certificate.pem),
            "-key", try directory.write("server.key", key.pem),
        ]
        if !chain.isEmpty {
            arguments += ["-cert_chain", try directory.write("chain.pem", chain.flatMap(\.pem))]
        }
        if let clients {
            let path = try directory.write("clients.pem", clients.pem)
            arguments += ["-Verify", "2", "-verify_return_error", "-CAfile", path]
        }
        process = try ChildProcess(arguments + options, in: directory)
        let output = try process.waitForOutput("ACCEPT 127.0.0.1:")
        let digits = output.split(separator: "ACCEPT 127.0.0.1:").last?.prefix { $0.isNumber } ?? ""
        port = Int(digits) ?? 0
    }

    /// Connects, sends a line and returns the first line that comes back.
    func exchange(_ line: String, _ configuration: TLSClientConfiguration) throws -> String {
        guard let descriptor = Loopback.connect(port: port) else {
            throw SetupFailure("nobody listens on \(port)")
        }
        defer { close(descriptor) }
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
        let connection = try TLSClientConnection(configuration: configuration, descriptor: descriptor)
        while true {
            let step = try connection.handshake()
            if step == .done { break }
            try wait(descriptor, for: step == .wantRead ? POLLIN : POLLOUT)
        }
        let bytes = Array((line + "\n").utf8)
        let written = try bytes.withUnsafeBytes { try connection.write($0) }
        guard written == .bytes(bytes.count) else { return "wrote \(written)" }
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            switch try buffer.withUnsafeMutableBytes({ try connection.read(into: $0) }) {
            case .bytes(let count):
                connection.close()
                return String(decoding: buffer.prefix(count), as: UTF8.self)
            case .wantRead: try wait(descriptor, for: POLLIN)
            case .wantWrite: try wait(descriptor, for: POLLOUT)
            case .closed: return "closed"
            }
        }
    }

    private func wait(_ descriptor: Int32, for events: Int32) throws {
        var entry = pollfd(fd: descriptor, events: Int16(events), revents: 0)
        guard poll(&entry, 1, 10_000) == 1 else {
            throw SetupFailure("the server is silent")
        }
    }
}
