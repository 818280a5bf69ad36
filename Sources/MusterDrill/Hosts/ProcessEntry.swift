import CLinux
import Glibc

/// What `muster-drill exec` does between its start and the program that it becomes.
///
/// A child of a drill must never outlive it, may live in the room of a pretended host and may have to
/// run as somebody else. All three can only be done from inside the new process.
package struct ProcessEntry: Sendable {
    /// The drill; when it is gone already the child ends at once.
    package var parent: pid_t
    /// Sent by the kernel when the drill's main thread ends, however it ends.
    package var deathSignal: Int32
    /// The process that holds the room of a pretended host; nil to stay.
    package var room: pid_t?
    /// Control group of the program, below the room's own; nil for the room's.
    package var group: String?
    /// Account to run as; nil to stay.
    package var user: String?
    /// `KEY=VALUE` for the program only, not for this step: a preloaded library must not come in here.
    package var environment: [String]
    /// Program (a path) and its arguments.
    package var command: [String]

    package init(
        parent: pid_t,
        deathSignal: Int32,
        room: pid_t? = nil,
        group: String? = nil,
        user: String? = nil,
        environment: [String] = [],
        command: [String]
    ) {
        self.parent = parent
        self.deathSignal = deathSignal
        self.room = room
        self.group = group
        self.user = user
        self.environment = environment
        self.command = command
    }

    /// Arguments for `muster-drill` that lead back here.
    var arguments: [String] {
        var list = ["exec", "--parent", "\(parent)", "--signal", "\(deathSignal)"]
        if let room { list += ["--room", "\(room)"] }
        if let group { list += ["--group", group] }
        if let user { list += ["--user", user] }
        for entry in environment { list += ["--env", entry] }
        return list + ["--"] + command
    }

    /// Becomes the program; returns only by throwing.
    package func run() throws(DrillError) -> Never {
        guard let program = command.first else { throw DrillError(.usage, "exec needs a program") }
        if let room { try serve(in: room) }
        if let group { HostGroups.join(group, pid: 0) }
        if let user { try become(user) }
        // After the change of account, which would clear it again.
        try Self.armDeathSignal(deathSignal, parent: parent)
        for entry in environment {
            let parts = entry.split(separator: "=", maxSplits: 1)
            guard parts.count == 2 else { throw DrillError(.usage, "--env needs KEY=VALUE") }
            setenv(String(parts[0]), String(parts[1]), 1)
        }
        var pointers: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) }
        pointers.append(nil)
        execv(program, &pointers)
        throw Self.failure("can't run \(program)")
    }

    /// Goes into the room, starts the second half of this there, and ends when that ends.
    private func serve(in room: pid_t) throws(DrillError) -> Never {
        try Self.armDeathSignal(deathSignal, parent: parent)
        let program = try HostRoom.ownProgram()
        try HostRoom.enter(room)
        var inner = self
        inner.room = nil
        // Its parent, which is outside the room, has no number there.
        inner.parent = 0
        Servant.follow(try Servant.spawn(program, inner.arguments))
    }

    static func enter(namespace: String) throws(DrillError) {
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
            throw Self.failure("can't run as \(user)")
        }
    }

    /// `prctl` has a variable argument list, which Swift does not import; its symbol can be called all the
    /// same, since on Linux such integer arguments travel as ordinary ones do.
    static func armDeathSignal(_ deathSignal: Int32, parent: pid_t) throws(DrillError) {
        typealias Control = @convention(c) (Int32, UInt, UInt, UInt, UInt) -> Int32
        guard let symbol = dlsym(nil, "prctl") else { throw failure("prctl is missing") }
        let control = unsafeBitCast(symbol, to: Control.self)
        guard control(PR_SET_PDEATHSIG, UInt(deathSignal), 0, 0, 0) == 0 else {
            throw failure("can't tie the process to the drill")
        }
        // The drill may have ended before the line above.
        guard getppid() == parent else { throw DrillError(.process, "the drill is gone") }
    }

    private static func failure(_ what: String) -> DrillError {
        DrillError(.process, "\(what): \(String(cString: strerror(errno)))")
    }
}
