import CLinux
import Glibc

/// What `muster-drill exec` does between its start and the program that it becomes.
///
/// A child of a drill must never outlive it, may live in the network of a pretended host and may have to
/// run as somebody else. All three can only be done from inside the new process.
package struct ProcessEntry: Sendable {
    /// The drill; when it is gone already the child ends at once.
    package var parent: pid_t
    /// Sent by the kernel when the drill's main thread ends, however it ends.
    package var deathSignal: Int32
    /// Network namespace by the name that `ip netns` gave it; nil to stay.
    package var namespace: String?
    /// Host name inside a UTS namespace of its own; nil to stay.
    package var hostname: String?
    /// File that stands for `/etc/resolv.conf`, in a mount namespace of its own; nil to stay.
    package var resolver: String?
    /// Account to run as; nil to stay.
    package var user: String?
    /// `KEY=VALUE` for the program only, not for this step: a preloaded library must not come in here.
    package var environment: [String]
    /// Program (a path) and its arguments.
    package var command: [String]

    package init(
        parent: pid_t,
        deathSignal: Int32,
        namespace: String? = nil,
        hostname: String? = nil,
        resolver: String? = nil,
        user: String? = nil,
        environment: [String] = [],
        command: [String]
    ) {
        self.parent = parent
        self.deathSignal = deathSignal
        self.namespace = namespace
        self.hostname = hostname
        self.resolver = resolver
        self.user = user
        self.environment = environment
        self.command = command
    }

    /// Arguments for `muster-drill` that lead back here.
    var arguments: [String] {
        var list = ["exec", "--parent", "\(parent)", "--signal", "\(deathSignal)"]
        if let namespace { list += ["--namespace", namespace] }
        if let hostname { list += ["--hostname", hostname] }
        if let resolver { list += ["--resolver", resolver] }
        if let user { list += ["--user", user] }
        for entry in environment { list += ["--env", entry] }
        return list + ["--"] + command
    }

    /// Becomes the program; returns only by throwing.
    package func run() throws(DrillError) -> Never {
        guard let program = command.first else { throw DrillError(.usage, "exec needs a program") }
        if let namespace { try enter(namespace: namespace) }
        if let hostname {
            guard unshare(CLONE_NEWUTS) == 0, sethostname(hostname, hostname.utf8.count) == 0 else {
                throw failure("can't give the process the host name \(hostname)")
            }
        }
        if let resolver {
            // The file itself is mounted: what is written into it later counts at once.
            guard unshare(CLONE_NEWNS) == 0, mount(nil, "/", nil, UInt(MS_REC | MS_PRIVATE), nil) == 0,
                mount(resolver, "/etc/resolv.conf", nil, UInt(MS_BIND), nil) == 0
            else { throw failure("can't put \(resolver) in the place of /etc/resolv.conf") }
        }
        if let user { try become(user) }
        // After the change of account, which would clear it again.
        try armDeathSignal()
        for entry in environment {
            let parts = entry.split(separator: "=", maxSplits: 1)
            guard parts.count == 2 else { throw DrillError(.usage, "--env needs KEY=VALUE") }
            setenv(String(parts[0]), String(parts[1]), 1)
        }
        var pointers: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) }
        pointers.append(nil)
        execv(program, &pointers)
        throw failure("can't run \(program)")
    }

    private func enter(namespace: String) throws(DrillError) {
        let descriptor = open("/run/netns/\(namespace)", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure("there is no network namespace \(namespace)") }
        defer { close(descriptor) }
        guard setns(descriptor, CLONE_NEWNET) == 0 else { throw failure("can't enter \(namespace)") }
    }

    private func become(_ user: String) throws(DrillError) {
        guard let entry = getpwnam(user)?.pointee else {
            throw DrillError(.missing, "there is no account \(user) on this machine")
        }
        guard initgroups(user, entry.pw_gid) == 0, setgid(entry.pw_gid) == 0, setuid(entry.pw_uid) == 0 else {
            throw failure("can't run as \(user)")
        }
    }

    /// `prctl` has a variable argument list, which Swift does not import; its symbol can be called all the
    /// same, since on Linux such integer arguments travel as ordinary ones do.
    private func armDeathSignal() throws(DrillError) {
        typealias Control = @convention(c) (Int32, UInt, UInt, UInt, UInt) -> Int32
        guard let symbol = dlsym(nil, "prctl") else { throw failure("prctl is missing") }
        let control = unsafeBitCast(symbol, to: Control.self)
        guard control(PR_SET_PDEATHSIG, UInt(deathSignal), 0, 0, 0) == 0 else {
            throw failure("can't tie the process to the drill")
        }
        // The drill may have ended before the line above.
        guard getppid() == parent else { throw DrillError(.process, "the drill is gone") }
    }

    private func failure(_ what: String) -> DrillError {
        DrillError(.process, "\(what): \(String(cString: strerror(errno)))")
    }
}
