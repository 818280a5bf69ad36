import Glibc

/// Finds TCP ports that nothing listens on.
enum FreePort {
    /// A port of this address that was free a moment ago.
    static func find(on address: String) throws(DrillError) -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0)
        guard descriptor >= 0 else { throw failure(address) }
        defer { close(descriptor) }
        var target = sockaddr_in()
        target.sin_family = sa_family_t(AF_INET)
        guard inet_pton(AF_INET, address, &target.sin_addr) == 1 else { throw failure(address) }
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let status = withUnsafeMutablePointer(to: &target) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 ? getsockname(descriptor, $0, &length) : -1
            }
        }
        guard status == 0 else { throw failure(address) }
        return Int(UInt16(bigEndian: target.sin_port))
    }

    private static func failure(_ address: String) -> DrillError {
        DrillError(.network, "no free port on \(address): \(String(cString: strerror(errno)))")
    }
}
