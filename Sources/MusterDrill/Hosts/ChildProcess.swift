import CLinux
import Glibc
import MusterCore

/// A program that the drill started and ends again, by its pid.
///
/// Must be started from the main thread: the kernel ends the child when the thread that started it ends.
final class ChildProcess {
    let name: String
    let pid: pid_t
    private(set) var exitStatus: Int32?
    /// Whether ``pid`` is a servant of the program, which runs in the room of a pretended host.
    private let isServed: Bool

    private init(name: String, pid: pid_t, isServed: Bool) {
        self.name = name
        self.pid = pid
        self.isServed = isServed
    }

    /// The program itself, by its number outside of any room; nil while it is being started and after its end.
    var program: pid_t? {
        guard isServed else { return pid }
        let text = try? Files.text("/proc/\(pid)/task/\(pid)/children")
        return text?.split(separator: " ").first.flatMap { pid_t($0) }
    }

    /// Where the child's output goes.
    enum Output {
        /// Appended to a file, both streams.
        case file(String)
        /// To these descriptors, which stay the caller's.
        case descriptors(output: Int32, errors: Int32)
    }

    /// Starts a program in a process group of its own, so that Ctrl-C reaches the drill alone and things end in order.
    static func start(
        _ name: String,
        entry: ProcessEntry,
        output: Output,
        environment: [String: String] = [:]
    ) throws(DrillError) -> ChildProcess {
        try start(
            name,
            entry.arguments,
            output: output,
            environment: environment,
            isServed: entry.room != nil
        )
    }

    /// Starts the process that holds the room of a pretended host, and waits until it can be entered.
    static func start(_ room: HostRoom) throws(DrillError) -> ChildProcess {
        var ends: [Int32] = [-1, -1]
        guard pipe2(&ends, O_CLOEXEC) == 0 else { throw HostRoom.failure("can't make a pipe") }
        defer { close(ends[0]) }
        let child: ChildProcess
        do throws(DrillError) {
            child = try start(
                "the room of \(room.hostname)",
                room.arguments,
                output: .descriptors(output: ends[1], errors: ends[1])
            )
            close(ends[1])
        } catch {
            close(ends[1])
            throw error
        }
        var answer = [UInt8](repeating: 0, count: 1024)
        var entry = pollfd(fd: ends[0], events: Int16(POLLIN), revents: 0)
        let count = poll(&entry, 1, 10_000) > 0 ? read(ends[0], &answer, answer.count) : 0
        let text = String(decoding: answer.prefix(max(0, count)), as: UTF8.self)
        guard text == "ready\n" else {
            child.stop(asking: SIGKILL)
            throw DrillError(.process, "can't make the room of \(room.hostname): \(text)")
        }
        return child
    }

    private static func start(
        _ name: String,
        _ words: [String],
        output: Output,
        environment: [String: String] = [:],
        isServed: Bool = false
    ) throws(DrillError) -> ChildProcess {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        switch output {
        case .file(let path):
            posix_spawn_file_actions_addopen(&actions, 1, path, O_WRONLY | O_CREAT | O_APPEND, 0o644)
            posix_spawn_file_actions_adddup2(&actions, 1, 2)
        case .descriptors(let output, let errors):
            posix_spawn_file_actions_adddup2(&actions, output, 1)
            posix_spawn_file_actions_adddup2(&actions, errors, 2)
        }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // Signals that the drill ignores or handles must be as usual in the child.
        var defaults = sigset_t()
        sigfillset(&defaults)
        sigdelset(&defaults, SIGKILL)
        sigdelset(&defaults, SIGSTOP)
        posix_spawnattr_setsigdefault(&attributes, &defaults)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF))

        var arguments: [UnsafeMutablePointer<CChar>?] =
            (["muster-drill"] + words).map { strdup($0) }
        arguments.append(nil)
        defer { for argument in arguments { free(argument) } }
        var variables: [UnsafeMutablePointer<CChar>?] = merged(environment).map { strdup($0) }
        variables.append(nil)
        defer { for variable in variables { free(variable) } }

        var pid: pid_t = 0
        let status = posix_spawn(&pid, "/proc/self/exe", &actions, &attributes, arguments, variables)
        guard status == 0 else {
            throw DrillError(.process, "can't start \(name): \(String(cString: strerror(status)))")
        }
        return ChildProcess(name: name, pid: pid, isServed: isServed)
    }

    /// Whether it still runs; collects its exit status when it does not.
    var isRunning: Bool {
        guard exitStatus == nil else { return false }
        var status: Int32 = 0
        let result = waitpid(pid, &status, WNOHANG)
        if result == 0 { return true }
        if result == pid { exitStatus = Self.code(of: status) } else { exitStatus = -1 }
        return false
    }

    /// Sends the program a signal while it runs.
    func signal(_ number: Int32) {
        guard isRunning, let program else { return }
        kill(program, number)
    }

    /// Sends a signal to it and to all that it started.
    func signalGroup(_ number: Int32) {
        guard isRunning else { return }
        kill(-pid, number)
    }

    /// Asks it to end, and insists after a while.
    func stop(asking number: Int32 = SIGTERM, grace: Duration = .seconds(3)) {
        guard isRunning else { return }
        // What was stopped must run to end.
        kill(-pid, SIGCONT)
        kill(pid, number)
        let end = WallClock.monotonic() + grace
        while WallClock.monotonic() < end {
            if !isRunning { return }
            WallClock.sleep(.milliseconds(10))
        }
        kill(-pid, SIGKILL)
        while isRunning { WallClock.sleep(.milliseconds(5)) }
    }

    /// Exit status as shells count it: 128 and the number for a signal.
    static func code(of status: Int32) -> Int32 {
        let number = status & 0x7F
        return number == 0 ? (status >> 8) & 0xFF : 128 + number
    }

    private static func merged(_ changes: [String: String]) -> [String] {
        var list: [String] = []
        var index = 0
        while let entry = Glibc.environ[index] {
            let text = String(cString: entry)
            let key = text.prefix { $0 != "=" }
            if changes[String(key)] == nil { list.append(text) }
            index += 1
        }
        return list + changes.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
    }
}
