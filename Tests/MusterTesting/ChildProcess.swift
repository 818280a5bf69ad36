import Glibc

/// Why a test could not be set up.
package struct SetupFailure: Error, CustomStringConvertible {
    package var description: String

    package init(_ description: String) { self.description = description }
}

/// A real program that a test runs against; it ends when this value does.
///
/// Its output goes to a file, so that it never blocks on a pipe that nobody reads.
package final class ChildProcess {
    package let pid: pid_t
    private let name: String
    private let outputPath: String
    private var exitStatus: Int32?

    /// Starts `arguments[0]`, looked up in PATH, with both outputs in a file of `directory`.
    package init(_ arguments: [String], in directory: TemporaryDirectory) throws {
        name = arguments.first.map { String($0.split(separator: "/").last ?? "child") } ?? "child"
        outputPath = directory.path("\(name)-\(UInt64.random(in: 0 ... .max)).out")
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, outputPath, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        // Threads of a test runner may block signals; the child would never hear that it shall end.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        var argv: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
        argv.append(nil)
        defer { for argument in argv { free(argument) } }
        var pid: pid_t = 0
        let result = posix_spawnp(&pid, arguments.first ?? "", &actions, &attributes, argv, environ)
        guard result == 0 else {
            throw SetupFailure("\(name) can't be started: \(String(cString: strerror(result)))")
        }
        self.pid = pid
    }

    deinit { stop() }

    /// Everything it wrote so far.
    package var output: String { TemporaryDirectory.read(outputPath) }

    /// Waits until its output holds the text; returns the output.
    package func waitForOutput(_ text: String, within limit: Duration = .seconds(30)) throws -> String {
        try wait(within: limit, for: "\"\(text)\" from \(name)") {
            let output = self.output
            return output.contains(text) ? output : nil
        }
    }

    /// Waits until it ended; returns its exit status, or 128 and the number of the signal that ended it.
    package func waitForExit(within limit: Duration = .seconds(60)) throws -> Int32 {
        let start = ContinuousClock.now
        while true {
            if let status = poll() { return status }
            guard ContinuousClock.now - start < limit else {
                throw SetupFailure("\(name) still runs after \(limit):\n\(output)")
            }
            usleep(10_000)
        }
    }

    /// Asks it to end, and ends it after five seconds.
    package func stop() {
        guard poll() == nil else { return }
        kill(pid, SIGTERM)
        if (try? waitForExit(within: .seconds(5))) != nil { return }
        kill(pid, SIGKILL)
        _ = try? waitForExit(within: .seconds(5))
    }

    /// Waits until `condition` gives something; throws with the child's output when it does not, or ends.
    package func wait<Value>(
        within limit: Duration = .seconds(30),
        for what: String,
        until condition: () throws -> Value?
    ) throws -> Value {
        let start = ContinuousClock.now
        while true {
            if let value = try condition() { return value }
            if let status = poll() {
                if let value = try condition() { return value }
                throw SetupFailure("\(name) ended with \(status) before \(what):\n\(output)")
            }
            guard ContinuousClock.now - start < limit else {
                throw SetupFailure("no \(what) after \(limit):\n\(output)")
            }
            usleep(10_000)
        }
    }

    private func poll() -> Int32? {
        if let exitStatus { return exitStatus }
        var status: Int32 = 0
        guard waitpid(pid, &status, WNOHANG) == pid else { return nil }
        let signal = status & 0x7F
        exitStatus = signal == 0 ? status >> 8 & 0xFF : 128 + signal
        return exitStatus
    }
}
