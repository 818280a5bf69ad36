import MusterCore

/// Tells what changed about the system itself: kernel settings, crontabs and the like, and that it was booted.
///
/// Looks every half minute.
package struct SystemWatcher {
    private static let interval = Duration.seconds(30)
    private static let span = Duration.seconds(86_400)

    /// Files that decide how the whole host behaves.
    private static let watched = [
        "/etc/crontab", "/etc/cron.d/*", "/var/spool/cron/crontabs/*", "/etc/sysctl.conf",
        "/etc/sysctl.d/*.conf",
        "/etc/security/limits.conf", "/etc/security/limits.d/*.conf", "/etc/hosts", "/etc/resolv.conf",
        "/etc/nsswitch.conf", "/etc/fstab",
    ]

    /// Settings of the kernel that services live and die by.
    private static let settings = [
        "fs/file-max", "fs/inotify/max_user_watches", "fs/nr_open", "kernel/pid_max", "kernel/threads-max",
        "net/core/rmem_max", "net/core/somaxconn", "net/core/wmem_max", "net/ipv4/ip_forward",
        "net/ipv4/ip_local_port_range", "net/ipv4/tcp_fin_timeout", "net/ipv4/tcp_keepalive_time",
        "net/ipv4/tcp_max_syn_backlog", "net/ipv4/tcp_rmem", "net/ipv4/tcp_syncookies",
        "net/ipv4/tcp_tw_reuse",
        "net/ipv4/tcp_wmem", "net/netfilter/nf_conntrack_max", "vm/dirty_background_ratio", "vm/dirty_ratio",
        "vm/max_map_count", "vm/overcommit_memory", "vm/swappiness", "vm/nr_hugepages",
    ]

    private let files: HostFiles
    private var watcher: ConfigWatcher
    /// By setting; empty before the first look.
    private var values: [String: String] = [:]
    private var lookedAt: Timestamp?

    package init(files: HostFiles) {
        self.files = files
        watcher = ConfigWatcher(files: files, inputs: Self.watched.map { .init(pattern: $0) })
    }

    /// Changes since the last look, when the next one is due; the first tells only of a boot within the last day.
    package mutating func scan(now: Timestamp) -> [Change] {
        // A clock that was set back must not stop it.
        if let lookedAt, now >= lookedAt, now - lookedAt < Self.interval { return [] }
        var changes = watcher.scan(now: now)
        changes += settings(now: now)
        if lookedAt == nil, let boot = boot(now: now) { changes.append(boot) }
        lookedAt = now
        return changes
    }

    private mutating func settings(now: Timestamp) -> [Change] {
        var changes: [Change] = []
        for path in Self.settings {
            guard let text = try? files.text("/proc/sys/\(path)") else { continue }
            let value = text.split { $0 == " " || $0 == "\t" }.joined(separator: " ")
            defer { values[path] = value }
            guard let before = values[path], before != value else { continue }
            let name = path.split(separator: "/").joined(separator: ".")
            changes.append(
                Change(
                    kind: .config,
                    // Some time since the last look; nobody notes when.
                    at: now,
                    summary: "kernel setting \(name) \(before) -> \(value)",
                    before: before,
                    after: value,
                    source: "/proc/sys/\(path)"
                )
            )
        }
        return changes
    }

    private func boot(now: Timestamp) -> Change? {
        guard let bytes = try? files.read("/proc/stat"),
            let line = bytes.split(separator: 0x0A).first(where: { $0.starts(with: "btime ".utf8) }),
            let seconds = line.dropFirst(6).decimal
        else { return nil }
        let at = Timestamp(seconds: Double(seconds))
        guard at <= now, now - at < Self.span else { return nil }
        let kernel = (try? files.text("/proc/sys/kernel/osrelease")) ?? ""
        return Change(
            kind: .restart,
            at: at,
            summary: kernel.isEmpty ? "the host was booted" : "the host was booted with kernel \(kernel)",
            after: kernel,
            source: "/proc/stat"
        )
    }
}
