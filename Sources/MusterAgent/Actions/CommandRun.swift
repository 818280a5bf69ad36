import CLinux
import Glibc
import MusterCore

/// One run of a command that the policy names; blocks until it and everything it started are gone.
///
/// No shell: argv goes to `execve` as it is. Own session and process group, no open descriptors but its output,
/// an empty environment but for PATH, LANG and what the policy names, `/` or the policy's as its folder. At the timeout
/// all that it has started gets TERM, five seconds later KILL: its process group, and where the host has control groups
/// also what has left that. What a command that ended in time has left running is meant to run, and is let be.
struct CommandRun {
    /// From TERM to KILL.
    static let graceMax: Duration = .seconds(5)
    private static let environment = [
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8",
    ]

    private let command: CommandExecution
    private let mask: @Sendable (String) -> String

    init(_ command: CommandExecution, mask: @escaping @Sendable (String) -> String) {
        self.command = command
        self.mask = mask
    }

    func run() -> PerformanceOutcome {
        let identity: UserIdentity?
        do throws(AgentError) {
            identity = command.user.isEmpty ? nil : try UserIdentity(name: command.user)
        } catch {
            return .untouched(ActionResult(reason: "not started: \(error.message)", exitStatus: 126))
        }
        let environment: [String]
        do throws(AgentError) {
            environment = try self.environment()
        } catch {
            return .untouched(ActionResult(reason: "not started: \(error.message)", exitStatus: 126))
        }
        var pipes: [Int32] = [-1, -1]
        guard pipe2(&pipes, O_CLOEXEC) == 0 else {
            return .untouched(
                ActionResult(reason: "not started: \(SystemText.error(errno))", exitStatus: 126)
            )
        }
        var pid: pid_t = 0
        let group = ControlGroup()
        let result = start(output: pipes[1], group?.door ?? -1, identity, environment, &pid)
        close(pipes[1])
        defer { close(pipes[0]) }
        guard result == 0 else {
            let folder = command.surroundings.folder
            let place = folder == "/" ? "" : " in \(folder)"
            let reason = "not started: \(command.argv.first ?? "")\(place): \(SystemText.error(result))"
            return .untouched(ActionResult(reason: reason, exitStatus: 126))
        }
        return watch(pid, group, output: pipes[0])
    }

    /// `NAME=value` of every variable that the command gets.
    private func environment() throws(AgentError) -> [String] {
        var values = Self.environment
        for (name, variable) in command.surroundings.environment {
            switch variable {
            case .fixed(let value): values[name] = value
            case .passed:
                guard let value = getenv(name) else {
                    throw AgentError(
                        .configuration,
                        "the policy passes \(name) from the agent's environment, which has none"
                    )
                }
                values[name] = String(cString: value)
            }
        }
        return values.map { "\($0.key)=\($0.value)" }
    }

    private func start(
        output: Int32,
        _ group: Int32,
        _ identity: UserIdentity?,
        _ variables: [String],
        _ pid: inout pid_t
    ) -> Int32 {
        var argv: [UnsafeMutablePointer<CChar>?] = command.argv.map { strdup($0) }
        var environment: [UnsafeMutablePointer<CChar>?] = variables.map { strdup($0) }
        let folder = strdup(command.surroundings.folder)
        defer { for pointer in argv + environment + [folder] { free(pointer) } }
        guard let folder else { return ENOMEM }
        // The arrays end in NULL, and none of the copies may be missing before it.
        guard !argv.isEmpty, !argv.contains(nil), !environment.contains(nil) else { return ENOMEM }
        argv.append(nil)
        environment.append(nil)
        let groups = identity?.groups ?? []
        return groups.withUnsafeBufferPointer { groups in
            var options = muster_spawn_options(
                output: output,
                group: group,
                folder: folder,
                change_user: identity.map { $0.isCurrent ? 0 : 1 } ?? 0,
                uid: identity?.uid ?? 0,
                gid: identity?.gid ?? 0,
                groups: groups.baseAddress,
                group_count: Int32(groups.count)
            )
            return muster_spawn(&pid, argv[0], &argv, &environment, &options)
        }
    }

    private func watch(
        _ pid: pid_t,
        _ group: ControlGroup?,
        output: Int32
    ) -> PerformanceOutcome {
        let start = Moment.monotonic()
        var tail = OutputTail(bytesMax: command.outputBytesMax)
        var termAt: Duration?
        var killed = false
        var isOpen = true
        while !Self.hasEnded(pid) {
            let elapsed = Moment.monotonic() - start
            if elapsed >= command.timeout, termAt == nil {
                termAt = elapsed
                kill(-pid, SIGTERM)
                group?.signal(SIGTERM)
            }
            if let termAt, !killed, elapsed - termAt >= Self.graceMax {
                killed = true
                kill(-pid, SIGKILL)
                group?.end()
            }
            if isOpen { isOpen = tail.fill(from: output, waiting: 20) } else { usleep(20_000) }
        }
        // What it left behind may hold the output open for ever; what is already there is enough.
        if isOpen { _ = tail.fill(from: output, waiting: 100) }
        // Before it is reaped: until then its number can't become another's.
        if termAt != nil {
            kill(-pid, SIGKILL)
            group?.end()
        }
        var status: Int32 = 0
        var reaped: pid_t
        repeat { reaped = waitpid(pid, &status, 0) } while reaped < 0 && errno == EINTR
        guard reaped == pid else {
            let reason = "the exit status of \(command.name) is lost: \(SystemText.error(errno))"
            return .indeterminate(ActionResult(reason: reason, output: mask(tail.text)))
        }
        var result = ActionResult(exitStatus: Self.exitStatus(status), output: mask(tail.text))
        guard termAt == nil else {
            result.reason = "ended after its timeout of \(command.timeout.spoken)"
            return .failed(result)
        }
        guard result.exitStatus == 0 else {
            result.reason = "\(command.name) ended with status \(result.exitStatus)"
            return .failed(result)
        }
        return .succeeded(result)
    }

    /// Whether it has ended; it is left to be reaped.
    private static func hasEnded(_ pid: pid_t) -> Bool {
        var info = siginfo_t()
        let result = waitid(P_PID, id_t(pid), &info, WEXITED | WNOHANG | WNOWAIT)
        return result != 0 ? errno != EINTR : info.si_signo == SIGCHLD
    }

    /// Exit status, or 128 and the number of the signal that ended it.
    private static func exitStatus(_ status: Int32) -> Int {
        let signal = status & 0x7F
        return Int(signal == 0 ? status >> 8 & 0xFF : 128 + signal)
    }
}

/// The last bytes of an output.
struct OutputTail {
    private let bytesMax: Int
    private var bytes: [UInt8] = []
    private var isCut = false

    init(bytesMax: Int) { self.bytesMax = bytesMax }

    /// Reads what is there, waiting so many milliseconds for the first byte; false at the end.
    mutating func fill(from descriptor: Int32, waiting milliseconds: Int32) -> Bool {
        var wait = milliseconds
        var chunk = [UInt8](repeating: 0, count: 16 << 10)
        // Bounded, so that a command that writes without end does not keep its own timeout away.
        for _ in 0..<64 {
            var poll = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard Glibc.poll(&poll, 1, wait) > 0 else { return true }
            wait = 0
            let count = read(descriptor, &chunk, chunk.count)
            if count == 0 { return false }
            if count < 0 { return errno == EINTR || errno == EAGAIN }
            bytes += chunk[..<count]
            if bytes.count > bytesMax {
                bytes.removeFirst(bytes.count - bytesMax)
                isCut = true
            }
        }
        return true
    }

    /// As text; what is no UTF-8 is replaced, and a line cut in half at the front is left out.
    var text: String {
        guard isCut, let newline = bytes.firstIndex(of: UInt8(ascii: "\n")) else {
            return String(decoding: bytes, as: UTF8.self)
        }
        return String(decoding: bytes[(newline + 1)...], as: UTF8.self)
    }
}

/// A user of the host with the groups that a login would give.
private struct UserIdentity {
    var uid: uid_t
    var gid: gid_t
    var groups: [gid_t]

    /// Whether the agent is that user already.
    var isCurrent: Bool { geteuid() == uid && uid != 0 }

    init(name: String) throws(AgentError) {
        var entry = passwd()
        var buffer = [CChar](repeating: 0, count: 16 << 10)
        var found: UnsafeMutablePointer<passwd>?
        let result = getpwnam_r(name, &entry, &buffer, buffer.count, &found)
        guard result == 0, found != nil else {
            throw AgentError(.configuration, "there is no user \"\(name)\" on this host")
        }
        guard geteuid() == 0 || geteuid() == entry.pw_uid else {
            throw AgentError(.configuration, "only an agent that runs as root can act as user \"\(name)\"")
        }
        uid = entry.pw_uid
        gid = entry.pw_gid
        var count: Int32 = 256
        var list = [gid_t](repeating: 0, count: 256)
        guard getgrouplist(name, gid, &list, &count) >= 0 else {
            throw AgentError(.configuration, "user \"\(name)\" is in more than 256 groups")
        }
        groups = Array(list.prefix(Int(count)))
    }
}
