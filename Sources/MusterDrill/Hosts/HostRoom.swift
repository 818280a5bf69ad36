import CLinux
import Glibc
import MusterCore

/// What of this machine a pretended host sees: its own network, name, processes, mounts and control groups.
///
/// The room is held by two processes of `muster-drill hold`: one in the drill's own process namespace, whose pid leads
/// others in, and one that is process 1 of the room. When either ends the kernel ends everything in the room, so
/// nothing that runs on a pretended host ever outlives the drill.
package struct HostRoom: Sendable {
    /// The drill; when it is gone already the room ends at once.
    package var parent: pid_t
    /// Network namespace by the name that `ip netns` gave it.
    package var namespace: String
    package var hostname: String
    /// Name of the room's control group in each hierarchy.
    package var group: String

    package init(parent: pid_t, namespace: String, hostname: String, group: String) {
        self.parent = parent
        self.namespace = namespace
        self.hostname = hostname
        self.group = group
    }

    /// Arguments for `muster-drill` that lead to ``hold()``.
    var arguments: [String] {
        [
            "hold", "--parent", "\(parent)", "--namespace", namespace, "--hostname", hostname,
            "--group", group,
        ]
    }

    /// Makes the room and holds it until it is told to end.
    package func hold() throws(DrillError) -> Never {
        try ProcessEntry.enter(namespace: namespace)
        try ProcessEntry.armDeathSignal(SIGKILL, parent: parent)
        let program = try Self.ownProgram()
        HostGroups.join(group, pid: 0)
        guard unshare(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWPID | CLONE_NEWCGROUP) == 0 else {
            throw Self.failure("can't make the namespaces of \(hostname)")
        }
        guard sethostname(hostname, hostname.utf8.count) == 0,
            // What is mounted in here stays in here.
            mount("none", "/", nil, UInt(MS_REC | MS_PRIVATE), nil) == 0
        else { throw Self.failure("can't set up \(hostname)") }
        try HostGroups.mountAsRoot(group)
        let first = try Servant.spawn(program, ["hold", "--first"])
        Servant.follow(first)
    }

    /// What process 1 of the room does: mounts what shows the room alone, says that it is ready, and collects orphans.
    package static func first() throws(DrillError) -> Never {
        try ProcessEntry.armDeathSignal(SIGKILL, parent: 0)
        guard mount("proc", "/proc", "proc", UInt(MS_NOSUID | MS_NODEV | MS_NOEXEC), nil) == 0 else {
            throw failure("can't mount /proc of a pretended host")
        }
        // What people install on the real machine is no change of this one.
        guard mount("tmpfs", "/var/log", "tmpfs", UInt(MS_NOSUID | MS_NODEV), "mode=0755,size=16m") == 0
        else {
            throw failure("can't mount /var/log of a pretended host")
        }
        var set = Servant.blockedSignals()
        Output.standard.put("ready")
        while true {
            var number: Int32 = 0
            sigwait(&set, &number)
            guard number == SIGCHLD else { exit(0) }
            var status: Int32 = 0
            while waitpid(-1, &status, WNOHANG) > 0 {}
        }
    }

    /// Namespaces that ``enter(_:)`` goes into, in this order: processes come last, and only count for children.
    private static let kinds = ["net", "uts", "cgroup", "mnt", "pid_for_children"]

    /// Moves this process into the room that `holder` holds; its children are of the room's processes.
    static func enter(_ holder: pid_t) throws(DrillError) {
        var descriptors: [Int32] = []
        defer { for descriptor in descriptors { close(descriptor) } }
        for kind in kinds {
            let descriptor = open("/proc/\(holder)/ns/\(kind)", O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else { throw failure("the pretended host of process \(holder) is gone") }
            descriptors.append(descriptor)
        }
        for (kind, descriptor) in zip(kinds, descriptors) where setns(descriptor, 0) != 0 {
            throw failure("can't enter the \(kind) namespace of process \(holder)")
        }
    }

    /// This program's file; asked before entering a room, where `/proc/self` is somebody else's.
    static func ownProgram() throws(DrillError) -> String {
        guard let program = Files.linkTarget("/proc/self/exe") else {
            throw failure("can't find the drill's own program")
        }
        return program
    }

    static func failure(_ what: String) -> DrillError {
        DrillError(.process, "\(what): \(String(cString: strerror(errno)))")
    }
}

/// A process between the drill and a program of a room: hands signals on, and ends as the program ends.
enum Servant {
    /// Signals that ask a program to end.
    private static let asking = [SIGTERM, SIGINT, SIGQUIT]
    private static let handedOn = asking + [SIGHUP, SIGUSR1, SIGUSR2]

    /// Blocks the signals that a servant waits for.
    static func blockedSignals() -> sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        for number in handedOn + [SIGCHLD] { sigaddset(&set, number) }
        sigprocmask(SIG_BLOCK, &set, nil)
        return set
    }

    /// Starts this program anew with other arguments, with no signal blocked.
    static func spawn(_ program: String, _ words: [String]) throws(DrillError) -> pid_t {
        // Before the child is there: none of its signals may be missed.
        _ = blockedSignals()
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        var arguments: [UnsafeMutablePointer<CChar>?] = (["muster-drill"] + words).map { strdup($0) }
        arguments.append(nil)
        defer { for argument in arguments { free(argument) } }
        var pid: pid_t = 0
        let status = posix_spawn(&pid, program, nil, &attributes, arguments, Glibc.environ)
        guard status == 0 else {
            throw DrillError(.process, "can't start \(program): \(String(cString: strerror(status)))")
        }
        return pid
    }

    /// Ends when the child ends, with its status as shells count it.
    static func follow(_ child: pid_t) -> Never { exit(wait(for: child).status) }

    /// Waits for the child's end: its status as shells count it, and whether it had been asked to end.
    static func wait(for child: pid_t) -> (status: Int32, wasAsked: Bool) {
        var set = blockedSignals()
        var wasAsked = false
        while true {
            var status: Int32 = 0
            if waitpid(child, &status, WNOHANG) == child { return (ChildProcess.code(of: status), wasAsked) }
            var number: Int32 = 0
            sigwait(&set, &number)
            if number != SIGCHLD { kill(child, number) }
            if asking.contains(number) { wasAsked = true }
        }
    }

    /// Lets a while pass in which there is no child; true as soon as somebody asks to end.
    static func isAsked(within pause: Duration) -> Bool {
        var set = blockedSignals()
        let end = WallClock.monotonic() + pause
        while true {
            let left = end - WallClock.monotonic()
            guard left > .zero else { return false }
            let parts = left.components
            var wait = timespec(tv_sec: Int(parts.seconds), tv_nsec: Int(parts.attoseconds / 1_000_000_000))
            if asking.contains(sigtimedwait(&set, nil, &wait)) { return true }
        }
    }
}
