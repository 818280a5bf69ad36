import Glibc
import MusterCore
import Synchronization

/// A control group of one command: all that it starts is in it, also what leaves its session and process group.
///
/// Made below the agent's own group, where the host has version 2 and lets the agent write there; no controller is used.
/// See the kernel's Documentation/admin-guide/cgroup-v2.rst.
final class ControlGroup {
    private static let count = Atomic(0)
    private static let prefix = "muster-action-"

    private let path: String
    /// Of `cgroup.procs`: whoever writes "0" to it is in.
    let door: Int32

    /// Whether there are any to be had.
    static var isAvailable: Bool { ControlGroup() != nil }

    /// Nil where there are none to be had.
    init?() {
        guard let own = Self.own else { return nil }
        Self.clean(own)
        let number = Self.count.add(1, ordering: .relaxed).newValue
        path = "\(own)/\(Self.prefix)\(getpid())-\(number)"
        guard mkdir(path, 0o755) == 0 else { return nil }
        door = open("\(path)/cgroup.procs", O_WRONLY | O_CLOEXEC)
        guard door >= 0, access("\(path)/cgroup.kill", W_OK) == 0 else {
            if door >= 0 { close(door) }
            rmdir(path)
            return nil
        }
    }

    deinit {
        close(door)
        // What was left running on purpose keeps it; it is cleaned up later.
        rmdir(path)
    }

    /// Sends a signal to all in it.
    func signal(_ number: Int32) {
        let bytes = (try? SafeFile.read("\(path)/cgroup.procs", bytesMax: 1 << 20)) ?? []
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
            if let pid = pid_t(line), pid > 1 { kill(pid, number) }
        }
    }

    /// Ends all in it, also what is being forked right now; returns when nothing is left, after a second at the latest.
    func end() {
        let descriptor = open("\(path)/cgroup.kill", O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        _ = write(descriptor, "1", 1)
        close(descriptor)
        for _ in 0..<100 {
            let events = (try? SafeFile.read("\(path)/cgroup.events", bytesMax: 4096)) ?? []
            guard String(decoding: events, as: UTF8.self).contains("populated 1") else { return }
            usleep(10_000)
        }
    }

    /// Groups of earlier commands that have become empty.
    private static func clean(_ own: String) {
        guard let folder = opendir(own) else { return }
        defer { closedir(folder) }
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { name in
                name.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            // Only an empty one can be removed.
            if name.hasPrefix(prefix) { rmdir("\(own)/\(name)") }
        }
    }

    /// The folder of the agent's own group; nil when there is no version 2.
    private static let own: String? = {
        func lines(_ path: String) -> [Substring] {
            let bytes = (try? SafeFile.read(path, bytesMax: 1 << 20)) ?? []
            return String(decoding: bytes, as: UTF8.self).split(separator: "\n")
        }
        guard let line = lines("/proc/self/cgroup").first(where: { $0.hasPrefix("0::/") }) else { return nil }
        for mount in lines("/proc/self/mountinfo") where mount.contains(" - cgroup2 ") {
            // Field 4 is the root of what is mounted, field 5 where.
            let fields = mount.split(separator: " ")
            guard fields.count > 5, fields[3] == "/" else { continue }
            let group = line.dropFirst(3)
            let path = group == "/" ? String(fields[4]) : "\(fields[4])\(group)"
            if access("\(path)/cgroup.procs", F_OK) == 0 { return path }
        }
        return nil
    }()
}
