import CLinux
import Glibc
import MusterCore

/// Delays packets on their way out of a pretended host, as a long or crowded line does.
///
/// The kernels of containers often lack the queueing discipline that does so (`netem`). So the packets go out by a
/// TUN device instead, wait in this process, and come in again by a second one, from which the kernel forwards them.
package struct PacketDelay: Sendable {
    private static let leaving = "drill0"
    private static let entering = "drill1"
    private static let packetMax = 65_536
    /// Packets that wait at most; more are lost, as in any queue.
    private static let queueMax = 4096
    private static let table = "77"

    /// How long each packet waits.
    package var delay: Duration

    package init(delay: Duration) { self.delay = delay }

    /// Runs until the process is ended; must be in the network of the host.
    package func run() throws(DrillError) -> Never {
        let leaving = try Self.open(Self.leaving)
        let entering = try Self.open(Self.entering)
        for (setting, value) in Self.settings { try Files.put(value, in: "/proc/sys/net/ipv4/\(setting)") }
        print("ready")
        fflush(nil)
        var queue: [(due: Duration, packet: [UInt8])] = []
        var head = 0
        var buffer = [UInt8](repeating: 0, count: Self.packetMax)
        while true {
            let now = WallClock.monotonic()
            while head < queue.count, queue[head].due <= now {
                _ = queue[head].packet.withUnsafeBytes { write(entering, $0.baseAddress, $0.count) }
                head += 1
            }
            if head > 1024 || head == queue.count {
                queue.removeFirst(head)
                head = 0
            }
            var entry = pollfd(fd: leaving, events: Int16(POLLIN), revents: 0)
            let wait = queue.isEmpty ? 1000 : max(1, (queue[head].due - now).inMilliseconds)
            guard poll(&entry, 1, Int32(wait)) > 0 else { continue }
            let count = read(leaving, &buffer, buffer.count)
            guard count > 0, queue.count - head < Self.queueMax else { continue }
            queue.append((WallClock.monotonic() + delay, Array(buffer[..<count])))
        }
    }

    /// What the kernel must be told below `/proc/sys/net/ipv4`.
    ///
    /// What comes in again bears this host's own address, which the kernel takes for a forgery otherwise.
    private static let settings = [
        ("ip_forward", "1"), ("conf/\(entering)/accept_local", "1"), ("conf/\(entering)/rp_filter", "0"),
        ("conf/all/rp_filter", "0"),
    ]

    /// Commands that lead packets for these addresses through the devices, once they are there.
    static func commands(for addresses: [String], network: String) -> [[String]] {
        var list = [
            ["/usr/sbin/ip", "link", "set", leaving, "up"], ["/usr/sbin/ip", "link", "set", entering, "up"],
            ["/usr/sbin/ip", "route", "add", network, "dev", "eth0", "table", table],
            ["/usr/sbin/ip", "rule", "add", "iif", entering, "lookup", table],
        ]
        for address in addresses {
            list.append(["/usr/sbin/ip", "route", "add", "\(address)/32", "dev", leaving])
        }
        return list
    }

    /// A TUN device, which hands over bare IP packets.
    private static func open(_ name: String) throws(DrillError) -> Int32 {
        let descriptor = Glibc.open("/dev/net/tun", O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure("can't open /dev/net/tun") }
        // struct ifreq: 16 bytes of name, then the flags IFF_TUN and IFF_NO_PI of linux/if_tun.h.
        var request = [UInt8](repeating: 0, count: 40)
        for (index, byte) in name.utf8.prefix(15).enumerated() { request[index] = byte }
        let flags: UInt16 = 0x0001 | 0x1000
        request[16] = UInt8(truncatingIfNeeded: flags)
        request[17] = UInt8(truncatingIfNeeded: flags >> 8)
        // TUNSETIFF: _IOW('T', 202, int).
        guard ioctl(descriptor, 0x4004_54CA, &request) == 0 else {
            throw failure("can't make the device \(name)")
        }
        return descriptor
    }

    private static func failure(_ what: String) -> DrillError {
        DrillError(.network, "\(what): \(String(cString: strerror(errno)))")
    }
}
