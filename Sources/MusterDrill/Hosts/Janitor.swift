import CLinux
import Glibc

/// A child that outlives the drill by a moment and takes the network down if the drill could not.
///
/// The kernel ends the drill's other children, but namespaces have no owner. The janitor waits for the end
/// of a pipe that only the drill holds open: however the drill ends, `kill -9` included, that is when it acts.
package enum Janitor {
    /// Starts it, and keeps the pipe open for the life of this process.
    static func start() throws(DrillError) {
        var ends: [Int32] = [-1, -1]
        guard pipe2(&ends, O_CLOEXEC) == 0 else {
            throw DrillError(.process, "can't make a pipe: \(String(cString: strerror(errno)))")
        }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, ends[0], 0)
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
        let words = ["muster-drill", "cleanup", "--after", "\(getpid())"]
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
        arguments.append(nil)
        defer { for argument in arguments { free(argument) } }
        var pid: pid_t = 0
        let status = posix_spawn(&pid, "/proc/self/exe", &actions, &attributes, arguments, Glibc.environ)
        close(ends[0])
        guard status == 0 else {
            close(ends[1])
            throw DrillError(.process, "can't start the janitor: \(String(cString: strerror(status)))")
        }
    }

    /// Waits for the end of standard input, then takes down what the drill with this pid made.
    package static func run(after pid: pid_t) {
        for number in [SIGINT, SIGTERM, SIGHUP] { signal(number, SIG_IGN) }
        var byte: UInt8 = 0
        while true {
            let count = read(0, &byte, 1)
            if count == 0 || (count < 0 && errno != EINTR) { break }
        }
        HostNetwork.removeNetwork(of: pid)
    }

    /// Takes down what drills that no longer run left behind; the answer says what.
    package static func removeLeftovers() -> [String] { HostNetwork.removeLeftovers() }
}
