import ArgumentParser
import Glibc
import MusterCore
import MusterProbe

/// Lets the recorder of the agent follow an access log, and asks it about all of it.
struct RequestSketch: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "request-sketch",
        abstract: "Follows an access log, and prints what was counted with the CPU time it took."
    )

    @Argument(help: "An access log whose lines are of the last twenty minutes.")
    var file: String

    func run() throws {
        var template = Array("/tmp/muster-bench-XXXXXX".utf8CString)
        guard let made = mkdtemp(&template) else { throw ValidationError("no folder can be made in /tmp") }
        let folder = String(cString: made)
        let link = folder + "/access.log"
        defer {
            unlink(link)
            rmdir(folder)
        }
        var status = stat()
        guard stat(file, &status) == 0, status.st_size > 0, let path = realpath(file, nil) else {
            throw ValidationError("\(file) is not there, or empty")
        }
        defer { free(path) }
        let recorder = LogRecorder(
            files: [LogFileSettings(path: link, service: "shop")],
            // All of it is looked at, whatever it costs: that is what is measured.
            cpuRatioMax: 1_000
        )
        // A file that appears while its folder is watched is read from its start.
        recorder.tick(now: Self.now)
        guard symlink(path, link) == 0 else { throw ValidationError("\(link) can't be made") }
        var cpu = Duration.zero
        while recorder.bytesFollowed < Int(status.st_size) {
            let start = Self.cpu
            recorder.tick(now: Self.now)
            cpu += Self.cpu - start
            if recorder.bytesFollowed == 0 { usleep(50_000) }
        }
        let start = Self.cpu
        let (outcome, answer) = recorder.requests(
            window: TimeWindow(from: Self.now - .seconds(1_200), to: Self.now + .seconds(1)),
            service: "shop",
            salt: (0..<16).map { _ in UInt8.random(in: 0...255) },
            bucketSeconds: 0,
            budget: QuestionBudget(deadline: .seconds(600)),
            isCancelled: { false }
        )
        let asked = Self.cpu - start
        guard outcome.kind == .ok else { throw ValidationError("the answer is partial: \(outcome.reason)") }
        let rows = answer.endpoints.map { row in
            let quantiles = [0.5, 0.9, 0.99, 0.999].map { "\(row.latency.quantile($0) ?? -1)" }
            return
                #"{"endpoint":"\#(row.method) \#(row.path)","count":\#(row.count),"errors":\#(row.errors),"#
                + #""quantiles":[\#(quantiles.joined(separator: ","))],"users":\#(row.users.estimate),"#
                + #""users_failed":\#(row.usersFailed.estimate)}"#
        }
        print(
            #"{"follow_cpu_s":\#(cpu.inSeconds),"question_cpu_s":\#(asked.inSeconds),"#
                + #""bytes_kept":\#(recorder.requestBytes),"endpoints":[\#(rows.joined(separator: ","))]}"#
        )
    }

    private static var now: Timestamp { Timestamp(nanoseconds: clock(CLOCK_REALTIME).nanoseconds) }

    /// CPU time of this thread.
    private static var cpu: Duration { clock(CLOCK_THREAD_CPUTIME_ID) }

    private static func clock(_ id: clockid_t) -> Duration {
        var time = timespec()
        clock_gettime(id, &time)
        return .seconds(time.tv_sec) + .nanoseconds(Int64(time.tv_nsec))
    }
}
