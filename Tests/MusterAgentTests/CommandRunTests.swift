import Glibc
import MusterCore
import MusterTesting
import Testing

@testable import MusterAgent

@Suite struct CommandRunTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func run(
        _ argv: [String],
        timeout: Duration = .seconds(20),
        outputBytesMax: Int = 4096,
        user: String = "",
        surroundings: CommandSurroundings = CommandSurroundings()
    ) -> PerformanceOutcome {
        CommandRun(
            CommandExecution(
                name: "test",
                argv: argv,
                user: user,
                timeout: timeout,
                outputBytesMax: outputBytesMax,
                surroundings: surroundings
            ),
            mask: {
                $0.split(separator: "hunter2", omittingEmptySubsequences: false).joined(separator: "***")
            }
        ).run()
    }

    private func script(_ text: String) throws -> String {
        let path = try directory.write("script-\(UInt32.random(in: 0 ... .max))", "#!/bin/sh\n\(text)\n".utf8)
        chmod(path, 0o700)
        return path
    }

    @Test func argumentsArriveAsTheyAreAndOutputIsMasked() {
        let result = run(["/usr/bin/printf", "%s|", "$(id)", "; rm", "password hunter2", ""])
        #expect(result == .succeeded(ActionResult(output: "$(id)|; rm|password ***||")))
    }

    @Test func itStartsWithNothingOfOurs() throws {
        setenv("MUSTER_TEST_SECRET", "x", 1)
        defer { unsetenv("MUSTER_TEST_SECRET") }
        let path = try script(
            "pwd; env | sort | cut -d= -f1 | tr '\\n' ' '; ls /proc/self/fd | tr '\\n' ' '; cat"
        )
        guard case .succeeded(let result) = run([path]) else { throw SetupFailure("did not run") }
        let lines = result.output.split(separator: "\n").map(String.init)
        #expect(lines.first == "/")
        #expect(!result.output.contains("MUSTER_TEST_SECRET"))
        // 3 is ls's own look at the folder.
        #expect(lines.last?.hasSuffix("0 1 2 3 ") == true, "\(result.output)")
    }

    @Test func itGetsTheFolderAndTheVariablesOfThePolicyAndNoOthers() throws {
        setenv("MUSTER_TEST_PASSED", "from the agent", 1)
        setenv("MUSTER_TEST_SECRET", "x", 1)
        defer {
            unsetenv("MUSTER_TEST_PASSED")
            unsetenv("MUSTER_TEST_SECRET")
        }
        let surroundings = CommandSurroundings(
            folder: directory.root,
            environment: [
                "MODE": .fixed("a=b $(id)\n"), "MUSTER_TEST_PASSED": .passed, "LANG": .fixed("C"),
            ]
        )
        guard case .succeeded(let result) = run(["/usr/bin/env", "-0"], surroundings: surroundings) else {
            throw SetupFailure("did not run")
        }
        #expect(
            Set(result.output.split(separator: "\0").map(String.init)) == [
                "MODE=a=b $(id)\n", "MUSTER_TEST_PASSED=from the agent", "LANG=C",
                "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            ]
        )
        let place = run(["/bin/pwd"], surroundings: surroundings)
        #expect(place == .succeeded(ActionResult(output: directory.root + "\n")))
    }

    @Test func withoutItsFolderOrItsVariableNothingIsStarted() throws {
        let path = try script("touch \(directory.path("ran"))")
        let gone = CommandSurroundings(folder: directory.path("gone"))
        guard case .untouched(let first) = run([path], surroundings: gone) else { throw SetupFailure("ran") }
        #expect(first.reason.contains("in \(directory.path("gone")): No such file"), "\(first.reason)")
        let missing = CommandSurroundings(environment: ["MUSTER_TEST_MISSING": .passed])
        guard case .untouched(let second) = run([path], surroundings: missing) else {
            throw SetupFailure("ran")
        }
        #expect(second.reason.contains("MUSTER_TEST_MISSING"))
        #expect(access(directory.path("ran"), F_OK) != 0)
    }

    @Test func itsFolderIsEnteredAsTheUserThatItRunsAs() throws {
        guard geteuid() == 0 else { return }
        // Root may enter it, nobody may not.
        let surroundings = CommandSurroundings(folder: directory.root)
        guard case .untouched(let result) = run(["/bin/pwd"], user: "nobody", surroundings: surroundings)
        else {
            throw SetupFailure("ran")
        }
        #expect(result.reason.contains("Permission denied"), "\(result.reason)")
    }

    @Test func aBadEndIsToldWithItsStatus() throws {
        guard case .failed(let result) = run([try script("echo no; exit 7")]) else {
            throw SetupFailure("ran")
        }
        #expect(result.exitStatus == 7)
        #expect(result.output == "no\n")
        guard case .untouched(let missing) = run(["/nonexistent/program"]) else { throw SetupFailure("ran") }
        #expect(missing.reason.contains("not started"))
        #expect(missing.exitStatus == 126)
    }

    @Test func theTimeoutEndsTheWholeGroup() throws {
        let pidFile = directory.path("pid")
        // The child ignores TERM, and so does its parent: only KILL to the group ends both.
        let path = try script("trap '' TERM; sleep 300 & echo $! > \(pidFile); wait; wait; sleep 300")
        let start = Moment.monotonic()
        guard case .failed(let result) = run([path], timeout: .seconds(1)) else { throw SetupFailure("ran") }
        #expect(result.reason.contains("timeout"))
        #expect(Moment.monotonic() - start < .seconds(15))
        let text = TemporaryDirectory.read(pidFile).split(separator: "\n").first ?? ""
        let pid = try #require(pid_t(text))
        // Its parent is gone, so it is init's to reap: gone or a zombie, but not running.
        var state = TemporaryDirectory.read("/proc/\(pid)/stat")
        for _ in 0..<100 where !state.isEmpty && !state.contains(") Z ") {
            usleep(20_000)
            state = TemporaryDirectory.read("/proc/\(pid)/stat")
        }
        #expect(state.isEmpty || state.contains(") Z "))
    }

    @Test(.enabled(if: ControlGroup.isAvailable, "no control groups of version 2 here"))
    func theTimeoutEndsWhatHasLeftTheGroup() throws {
        let pidFile = directory.path("escaped")
        let path = try script(
            "setsid sh -c 'trap \"\" TERM; echo $$ > \(pidFile); sleep 300; sleep 300' & sleep 300"
        )
        guard case .failed = run([path], timeout: .seconds(1)) else { throw SetupFailure("ran") }
        let pid = try #require(pid_t(TemporaryDirectory.read(pidFile).split(separator: "\n").first ?? ""))
        let state = TemporaryDirectory.read("/proc/\(pid)/stat")
        #expect(state.isEmpty || state.contains(") Z "), "\(state)")
    }

    @Test func onlyTheEndOfALongOutputIsKept() throws {
        let path = try script("i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done")
        guard case .succeeded(let result) = run([path], outputBytesMax: 100) else {
            throw SetupFailure("ran")
        }
        #expect(result.output.utf8.count <= 100)
        #expect(result.output.hasSuffix("line 19999\n"))
        #expect(result.output.hasPrefix("line "))
    }

    @Test func whatIsLeftRunningDoesNotHoldTheEndUp() throws {
        let start = Moment.monotonic()
        guard case .succeeded = run([try script("sleep 5 & echo started")]) else { throw SetupFailure("ran") }
        #expect(Moment.monotonic() - start < .seconds(3))
    }

    @Test func anotherUserIsTakenOnWhole() throws {
        guard geteuid() == 0 else { return }
        guard case .succeeded(let result) = run(["/usr/bin/id", "-un"], user: "nobody") else {
            throw SetupFailure("did not run")
        }
        #expect(result.output == "nobody\n")
        guard case .untouched(let unknown) = run(["/usr/bin/id"], user: "no-such-user") else {
            throw SetupFailure("ran")
        }
        #expect(unknown.reason.contains("no user"))
    }
}
