import ArgumentParser
import MusterCore
import MusterIncident

/// One question, from the call to the last line.
struct Asking {
    private let probe: Probe
    private let options: AskOptions
    private let lines: Int

    init(_ probe: Probe, _ options: AskOptions, lines: Int = 20) {
        self.probe = probe
        self.options = options
        self.lines = lines
    }

    private var order: LogOrder {
        if case .logs(_, _, _, _, let refinement?) = probe { refinement.order } else { .newest }
    }

    /// - Throws: The exit code 2 when only some hosts answered in full, 1 when none did.
    func run() throws {
        let deadline = try Duration(option: "deadline", options.deadline)
        let request = AskRequest(probe: probe, on: options.on, deadlineSeconds: deadline.inSeconds)
        let answer = try ask(request, try options.server.connect(), timeout: deadline + .seconds(10))
        if options.server.json {
            try JSON.print(answer)
            Terminal.error(answer.coverage.summary)
        } else {
            AnswerText.print(answer.merged, lines: lines, order: order)
            for host in answer.hosts where host.outcome.kind != .ok {
                let reason = host.outcome.reason.isEmpty ? "" : ": \(host.outcome.reason)"
                Terminal.out(Terminal.clean("\(host.host.name) \(host.outcome.kind.rawValue)\(reason)"))
            }
            Terminal.out(answer.coverage.summary)
        }
        guard answer.coverage.answered > 0 else { throw CommandStatus.failed.code }
        guard answer.coverage.count(.ok) == answer.coverage.asked else { throw CommandStatus.partial.code }
    }

    private func ask(
        _ request: AskRequest,
        _ connection: Connection,
        timeout: Duration
    ) throws(CLIError) -> FleetAnswer {
        Terminal.progress("asking …")
        var reader = AskLineReader()
        do {
            let body = try JSON.bytes(request)
            _ = try connection.call("POST", "ask", body: body, timeout: timeout) { reader.append($0) }
        } catch {
            Terminal.endProgress()
            throw error
        }
        Terminal.endProgress()
        if let error = reader.error { throw error }
        if let problem = reader.problem { throw Connection.refusal(problem) }
        guard let result = reader.result else {
            throw CLIError(.unavailable, "the coordinator ended before the answer was complete")
        }
        return result
    }
}

/// Reads the lines of an answer as they come, in pieces of any size.
struct AskLineReader {
    private var rest: [UInt8] = []
    private(set) var result: FleetAnswer?
    private(set) var problem: Problem?
    private(set) var error: CLIError?

    mutating func append(_ bytes: some Sequence<UInt8>) {
        rest += bytes
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            read(rest[..<end])
            rest.removeSubrange(...end)
        }
    }

    private mutating func read(_ bytes: ArraySlice<UInt8>) {
        do {
            // A refusal is one problem document on many lines; the call itself tells it.
            guard bytes.first == UInt8(ascii: "{"), bytes.last == UInt8(ascii: "}") else { return }
            let line = try JSON.decode(AskLine.self, bytes)
            if let progress = line.progress { Terminal.progress(progress.coverage.summary) }
            result = line.result ?? result
            problem = line.problem ?? problem
        } catch { self.error = error }
    }
}
