import Glibc

/// Control groups of pretended hosts, in the hierarchies of version 1 that this machine has.
///
/// A room sees its own group as the root, as a container does, and services have theirs below it, where service managers
/// put them: `system.slice/NAME.service`.
enum HostGroups {
    private static let root = "/sys/fs/cgroup"
    private static let wanted: Set<String> = ["memory", "cpu", "cpuacct"]

    /// Folders of hierarchies, such as `memory` or `cpu,cpuacct`.
    private static let hierarchies: [String] = Files.names(in: root).filter { name in
        Files.linkTarget("\(root)/\(name)") == nil
            && !wanted.isDisjoint(with: name.split(separator: ",").map(String.init))
    }

    /// Whether memory can be limited here.
    static var limitsMemory: Bool { hierarchies.contains("memory") && geteuid() == 0 }

    static func name(pid: pid_t, host: String) -> String { "muster-\(pid)-\(host)" }

    /// Makes the group in each hierarchy and puts a process into it; 0 is the caller.
    ///
    /// Where that is not allowed it stays where it is: only the drills that limit something need it.
    static func join(_ group: String, pid: pid_t) {
        for hierarchy in hierarchies {
            make("\(root)/\(hierarchy)", group)
            try? Files.put("\(pid)", in: "\(root)/\(hierarchy)/\(group)/cgroup.procs")
        }
    }

    /// Shows a group as the root of each hierarchy; called inside a room's mount namespace.
    static func mountAsRoot(_ group: String) throws(DrillError) {
        for hierarchy in hierarchies where Files.isFolder("\(root)/\(hierarchy)/\(group)") {
            let folder = "\(root)/\(hierarchy)"
            guard mount("\(folder)/\(group)", folder, nil, UInt(MS_BIND), nil) == 0 else {
                throw HostRoom.failure("can't show \(group) as the root of \(folder)")
            }
        }
    }

    /// Limits the memory of a group, in bytes.
    static func limitMemory(of group: String, to bytes: Int) throws(DrillError) {
        for hierarchy in hierarchies { make("\(root)/\(hierarchy)", group) }
        try Files.put("\(bytes)", in: "\(root)/memory/\(group)/memory.limit_in_bytes")
    }

    /// Lets a group have a share of one CPU and no more.
    static func limitCPU(of group: String, to share: Double) throws(DrillError) {
        let folder = try cpuFolder(of: group)
        try Files.put("100000", in: "\(folder)/cpu.cfs_period_us")
        try Files.put("\(Int(share * 100_000))", in: "\(folder)/cpu.cfs_quota_us")
    }

    /// Gives a group a weight beside its sisters, which have 1024 each.
    static func weigh(_ group: String, shares: Int) throws(DrillError) {
        let folder = try cpuFolder(of: group)
        try Files.put("\(shares)", in: "\(folder)/cpu.shares")
    }

    private static func cpuFolder(of group: String) throws(DrillError) -> String {
        guard let hierarchy = hierarchies.first(where: { $0.split(separator: ",").contains("cpu") }) else {
            throw DrillError(.missing, "this machine has no CPU controller of version 1 in \(root)")
        }
        make("\(root)/\(hierarchy)", group)
        return "\(root)/\(hierarchy)/\(group)"
    }

    /// Removes the groups of a drill; those in which something still runs stay.
    static func remove(of pid: pid_t) {
        for hierarchy in hierarchies {
            for name in Files.names(in: "\(root)/\(hierarchy)") where name.hasPrefix("muster-\(pid)-") {
                removeTree("\(root)/\(hierarchy)/\(name)", depth: 4)
            }
        }
    }

    /// Pids of drills that made groups.
    static var owners: Set<pid_t> {
        var pids: Set<pid_t> = []
        for hierarchy in hierarchies {
            for name in Files.names(in: "\(root)/\(hierarchy)") where name.hasPrefix("muster-") {
                let parts = name.split(separator: "-")
                if parts.count >= 3, let pid = pid_t(parts[1]) { pids.insert(pid) }
            }
        }
        return pids
    }

    private static func make(_ folder: String, _ group: String) {
        var path = folder
        for part in group.split(separator: "/") {
            path += "/\(part)"
            _ = mkdir(path, 0o755)
        }
    }

    private static func removeTree(_ path: String, depth: Int) {
        guard depth > 0 else { return }
        for name in Files.names(in: path) where Files.isFolder("\(path)/\(name)") {
            removeTree("\(path)/\(name)", depth: depth - 1)
        }
        rmdir(path)
    }
}
