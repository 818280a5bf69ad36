/// One TCP socket, from `/proc/net/tcp` or `/proc/net/tcp6`.
package struct SocketReading: Hashable, Sendable {
    package var localAddress: String
    package var localPort: Int
    package var remoteAddress: String
    package var remotePort: Int
    /// The name of the state, such as `LISTEN`.
    package var state: String
    /// Bytes not yet read; for a listening socket the connections not yet accepted.
    package var receiveQueue: Int
    package var inode: Int

    /// In the order of the kernel's numbers (`include/net/tcp_states.h`).
    private static let states = [
        "UNKNOWN", "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT", "CLOSE",
        "CLOSE_WAIT", "LAST_ACK", "LISTEN", "CLOSING", "NEW_SYN_RECV",
    ]

    /// Reads all lines after the heading; lines of another shape are left out.
    package static func parse(procNetTCP bytes: [UInt8]) -> [SocketReading] {
        bytes.lines.dropFirst().compactMap { line in
            let words = line.words
            guard words.count >= 10, let local = endpoint(words[1]), let remote = endpoint(words[2]),
                let state = words[3].hexadecimal, let inode = words[9].decimal
            else { return nil }
            let queues = words[4].split(separator: UInt8(ascii: ":"))
            let waiting = queues.count == 2 ? queues[1].hexadecimal ?? 0 : 0
            return SocketReading(
                localAddress: local.address,
                localPort: local.port,
                remoteAddress: remote.address,
                remotePort: remote.port,
                state: state < UInt64(states.count) ? states[Int(state)] : states[0],
                receiveQueue: Int(clamping: waiting),
                inode: inode
            )
        }
    }

    /// `0100007F:1F90`: 32-bit words of the address as the CPU (little-endian) sees them, then the port.
    private static func endpoint(_ text: ArraySlice<UInt8>) -> (address: String, port: Int)? {
        let parts = text.split(separator: UInt8(ascii: ":"))
        guard parts.count == 2, let port = parts[1].hexadecimal, port <= 0xFFFF else { return nil }
        var bytes: [UInt8] = []
        var rest = parts[0]
        while !rest.isEmpty {
            guard rest.count >= 8, let word = rest.prefix(8).hexadecimal else { return nil }
            for shift in stride(from: UInt64(0), to: 32, by: 8) {
                bytes.append(UInt8(truncatingIfNeeded: word >> shift))
            }
            rest = rest.dropFirst(8)
        }
        switch bytes.count {
        case 4: return (IPAddressText.text(four: bytes), Int(port))
        case 16: return (IPAddressText.text(sixteen: bytes), Int(port))
        default: return nil
        }
    }
}

/// Text forms of IP addresses.
enum IPAddressText {
    static func text(four bytes: [UInt8]) -> String { bytes.map(String.init).joined(separator: ".") }

    /// RFC 5952: lower case, the longest run of zeros as `::`, mapped IPv4 addresses as such.
    static func text(sixteen bytes: [UInt8]) -> String {
        if bytes.prefix(10).allSatisfy({ $0 == 0 }), bytes[10] == 0xFF, bytes[11] == 0xFF {
            return text(four: Array(bytes.suffix(4)))
        }
        let groups = stride(from: 0, to: 16, by: 2).map { Int(bytes[$0]) << 8 | Int(bytes[$0 + 1]) }
        var best = 0..<0
        var start = 0
        while start < 8 {
            var end = start
            while end < 8, groups[end] == 0 { end += 1 }
            if end - start > max(best.count, 1) { best = start..<end }
            start = max(end, start + 1)
        }
        let text = { (part: ArraySlice<Int>) in part.map { String($0, radix: 16) }.joined(separator: ":") }
        guard !best.isEmpty else { return text(groups[...]) }
        return text(groups[..<best.lowerBound]) + "::" + text(groups[best.upperBound...])
    }
}

extension HostReader {
    /// All TCP sockets of this network namespace.
    package func sockets() throws(ProbeError) -> [SocketReading] {
        var readings = SocketReading.parse(procNetTCP: try files.read("/proc/net/tcp", bytesMax: 32 << 20))
        // A kernel without IPv6 has no such file.
        if let bytes = try? files.read("/proc/net/tcp6", bytesMax: 32 << 20) {
            readings += SocketReading.parse(procNetTCP: bytes)
        }
        return readings
    }

    /// Which process holds which socket, by the socket's inode.
    ///
    /// Looks through the open files of every process: some milliseconds per thousand files. `stop` is asked
    /// between processes; processes of others are invisible to a process without privilege.
    package func socketOwners(stop: () -> Bool) -> [Int: Int] {
        var owners: [Int: Int] = [:]
        guard let pids = try? processIDs() else { return owners }
        for pid in pids {
            if stop() { break }
            guard let names = try? files.list("/proc/\(pid)/fd", namesMax: 65_536) else { continue }
            for name in names {
                guard let target = files.link("/proc/\(pid)/fd/\(name)"), target.hasPrefix("socket:["),
                    let inode = Int(target.dropFirst(8).dropLast())
                else { continue }
                // A socket that several processes share belongs to the one that was there first.
                if owners[inode] == nil { owners[inode] = pid }
            }
        }
        return owners
    }
}
