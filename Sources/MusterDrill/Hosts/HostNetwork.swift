import Glibc
import MusterCore

/// Where the pretended hosts live: network namespaces behind a bridge, or addresses of the loopback device.
///
/// Everything made in the kernel carries the drill's pid in its name, so that leftovers of a drill that was
/// killed can be told from those of one that runs (``HostNetwork/removeLeftovers()``).
final class HostNetwork {
    /// One pretended host.
    struct Host: Hashable, Sendable {
        var name: String
        var address: String
        /// The process that holds the host's room; nil on the loopback device.
        var room: pid_t?
    }

    /// The drill's side, where the coordinator listens.
    let coordinatorAddress: String
    private(set) var hosts: [Host]
    let usesNamespaces: Bool
    /// Why there are no namespaces though they were wanted; empty when there are, or none were wanted.
    private(set) var whyLoopback = ""
    private var rooms: [ChildProcess] = []

    /// Makes the network; namespaces when this is root and the kernel and `ip` play along, else loopback.
    init(hosts names: [String], loopback: Bool) throws(DrillError) {
        if !loopback, geteuid() == 0, let tool = Self.tool {
            let subnet = try Self.freeSubnet(tool: tool)
            let pid = getpid()
            let prefix = "10.77.\(subnet)"
            do {
                try Self.make(names, prefix: prefix, pid: pid, tool: tool)
                let rooms = try Self.makeRooms(names, pid: pid)
                coordinatorAddress = "\(prefix).1"
                hosts = names.enumerated().map { index, name in
                    Host(name: name, address: "\(prefix).\(11 + index)", room: rooms[index].pid)
                }
                self.rooms = rooms
                usesNamespaces = true
                return
            } catch {
                Self.remove(pid: pid, tool: tool)
                if error.code == .interrupted { throw error }
                // Some containers are root without being allowed this; loopback does as well there.
                whyLoopback = error.description
            }
        }
        coordinatorAddress = "127.0.0.1"
        hosts = names.enumerated().map { Host(name: $1, address: "127.77.0.\(11 + $0)", room: nil) }
        usesNamespaces = false
    }

    /// The hosts' network, as firewalls and databases write it.
    var clients: String { usesNamespaces ? "\(coordinatorAddress.dropLast(2)).0/24" : "127.0.0.0/8" }

    /// Takes it down again; nothing happens the second time.
    func remove() {
        guard usesNamespaces, let tool = Self.tool else { return }
        // Whatever still runs in them ends with them.
        for room in rooms { room.stop(asking: SIGKILL) }
        rooms = []
        Self.remove(pid: getpid(), tool: tool)
    }

    /// Removes what drills that no longer run left behind, and says what.
    static func removeLeftovers() -> [String] {
        guard geteuid() == 0, let tool else { return [] }
        var removed: [String] = []
        for pid in owners() where !isDrill(pid) {
            remove(pid: pid, tool: tool)
            removed.append("network of the drill with pid \(pid)")
        }
        return removed
    }

    /// Removes what one drill made, whether it runs or not.
    static func removeNetwork(of pid: pid_t) {
        guard geteuid() == 0, let tool else { return }
        remove(pid: pid, tool: tool)
    }

    private static let tool: String? = ["/usr/sbin/ip", "/sbin/ip", "/usr/bin/ip"].first(
        where: Files.isExecutable
    )

    private static func namespace(pid: pid_t, host: String) -> String { "muster-\(pid)-\(host)" }

    private static func make(
        _ names: [String],
        prefix: String,
        pid: pid_t,
        tool: String
    ) throws(DrillError) {
        let bridge = "mb\(pid)"
        func ip(_ arguments: String...) throws(DrillError) {
            try Command(program: tool, arguments: arguments).succeed()
        }
        try ip("link", "add", bridge, "type", "bridge")
        try ip("addr", "add", "\(prefix).1/24", "dev", bridge)
        try ip("link", "set", bridge, "up")
        for (index, name) in names.enumerated() {
            let namespace = namespace(pid: pid, host: name)
            let link = "mv\(pid)-\(index)"
            try ip("netns", "add", namespace)
            try ip("link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", namespace)
            try ip("link", "set", link, "master", bridge, "up")
            try ip("-n", namespace, "addr", "add", "\(prefix).\(11 + index)/24", "dev", "eth0")
            try ip("-n", namespace, "link", "set", "eth0", "up")
            try ip("-n", namespace, "link", "set", "lo", "up")
        }
    }

    /// Rooms behind the network namespaces, each ready to be entered.
    private static func makeRooms(_ names: [String], pid: pid_t) throws(DrillError) -> [ChildProcess] {
        var rooms: [ChildProcess] = []
        do throws(DrillError) {
            for name in names {
                let room = HostRoom(
                    parent: pid,
                    namespace: namespace(pid: pid, host: name),
                    hostname: name,
                    group: HostGroups.name(pid: pid, host: name)
                )
                rooms.append(try ChildProcess.start(room))
            }
            return rooms
        } catch {
            for room in rooms { room.stop(asking: SIGKILL) }
            throw error
        }
    }

    private static func remove(pid: pid_t, tool: String) {
        HostGroups.remove(of: pid)
        for name in Files.names(in: "/run/netns") where name.hasPrefix("muster-\(pid)-") {
            _ = try? Command(program: tool, arguments: ["netns", "del", name]).run()
        }
        // The far ends go with their namespaces and the near ones with them, but not at once: a namespace is kept by
        // whatever still runs in it, and by packets that are held back on their way.
        for name in Files.names(in: "/sys/class/net") where name.hasPrefix("mv\(pid)-") {
            _ = try? Command(program: tool, arguments: ["link", "del", name]).run()
        }
        if Files.exists("/sys/class/net/mb\(pid)") {
            _ = try? Command(program: tool, arguments: ["link", "del", "mb\(pid)"]).run()
        }
    }

    /// Pids in the names of namespaces and bridges.
    private static func owners() -> Set<pid_t> {
        var pids = HostGroups.owners
        for name in Files.names(in: "/run/netns") {
            let parts = name.split(separator: "-")
            if parts.count >= 3, parts[0] == "muster", let pid = pid_t(parts[1]) { pids.insert(pid) }
        }
        for name in Files.names(in: "/sys/class/net") where name.hasPrefix("mb") {
            if let pid = pid_t(name.dropFirst(2)) { pids.insert(pid) }
        }
        return pids
    }

    /// Whether a pid is alive and a drill; pids are used again.
    private static func isDrill(_ pid: pid_t) -> Bool {
        Files.linkTarget("/proc/\(pid)/exe")?.contains("/muster-drill") ?? false
    }

    /// The third number of a network that nothing on this machine uses.
    private static func freeSubnet(tool: String) throws(DrillError) -> Int {
        let list = try Command(program: tool, arguments: ["-o", "-4", "addr"]).succeed()
        let start = Int(getpid() % 250) + 1
        for step in 0..<250 {
            let candidate = (start + step) % 250 + 1
            if !list.contains("10.77.\(candidate).") { return candidate }
        }
        throw DrillError(.network, "all networks 10.77.*.0/24 are taken; run \"muster-drill cleanup\"")
    }
}
