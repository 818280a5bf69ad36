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
        let request = AskRequest(
            probe: probe,
            on: options.on,
            limit: options.limit,
            deadlineSeconds: deadline.inSeconds
        )
        let answer = try ask(request, try options.server.connect(), timeout: deadline + .seconds(10))
        if let who = options.who { try list(who, answer) } else { try print(answer) }
        guard answer.coverage.answered > 0 else { throw CommandStatus.failed.code }
        guard answer.coverage.count(.ok) == answer.coverage.asked else { throw CommandStatus.partial.code }
    }

    private func print(_ answer: FleetAnswer) throws {
        if options.server.json {
            try JSON.print(answer)
            return Terminal.error(Self.summary(answer))
        }
        AnswerText.print(answer.merged, lines: lines, order: order)
        for total in answer.extrapolated ?? [] { Terminal.out(AnswerText.text(total)) }
        for host in answer.hosts where host.outcome.kind != .ok { Terminal.out(AnswerText.text(host)) }
        Terminal.out(Self.summary(answer))
    }

    private func list(_ who: AskedHosts, _ answer: FleetAnswer) throws {
        let hosts = answer.hosts.filter { who.holds($0.outcome.kind) }
        if options.server.json {
            try JSON.print(hosts)
            return Terminal.error(Self.summary(answer))
        }
        for host in hosts { Terminal.out(AnswerText.text(host)) }
        Terminal.out(Self.summary(answer))
    }

    private static func summary(_ answer: FleetAnswer) -> String {
        guard let population = answer.population else { return answer.coverage.summary }
        return "\(answer.coverage.summary) (a sample of \(population) hosts)"
    }

    private func ask(
        _ request: AskRequest,
        _ connection: Connection,
        timeout: Duration
    ) throws(CLIError) -> FleetAnswer {
        Terminal.progress("asking …")
        var reader = AskLineReader()
        let interrupt = AskInterrupt(connection)
        do {
            let body = try JSON.bytes(request)
            _ = try connection.call("POST", "ask", body: body, timeout: timeout) { bytes in
                reader.append(bytes)
                if let ask = reader.ask { interrupt.running(ask) }
            }
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
    /// The running question, once the coordinator has named it.
    private(set) var ask: AskID?
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
            if let progress = line.progress {
                ask = progress.ask
                Terminal.progress(progress.coverage.summary)
            }
            result = line.result ?? result
            problem = line.problem ?? problem
        } catch { self.error = error }
    }
}
