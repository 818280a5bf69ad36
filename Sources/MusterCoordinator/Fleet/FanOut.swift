import MusterCore
import MusterWire
import NIOCore
import Synchronization

/// Asks many hosts one question and collects exactly one reply from each.
///
/// Owns a ``FanOutEngine`` and carries out its directives. Answers are merged on the thread of the connection
/// that they came from, outside the lock.
final class FanOut: Sendable {
    /// One question that somebody waits for.
    private struct Asking: Sendable {
        let question: Question
        let purpose: QuestionPurpose
        /// Each once.
        let hosts: [HostReference]
        /// Where each stands among them.
        let numbers: [AgentID: Int]
        /// How much later hosts whose clock is off have to look, and how much earlier what they tell has been.
        let shifts: [AgentID: Duration]
        let onReply: (@Sendable (HostReply) -> Void)?
        let continuation: CheckedContinuation<FleetReply, Never>
    }

    /// A question with the replies so far; used under the lock only.
    private final class Pending {
        let asking: Asking
        let timer: Scheduled<Void>
        var replies: [HostReply] = []
        /// Answers that have begun, by the number of their host.
        var assemblies: [Assembly?]
        /// Of sealed answers that are kept as they came.
        var sealedBytes = 0

        init(_ asking: Asking, timer: Scheduled<Void>) {
            self.asking = asking
            self.timer = timer
            assemblies = [Assembly?](repeating: nil, count: asking.hosts.count)
            replies.reserveCapacity(asking.hosts.count)
        }

        /// The answer of a host, begun with its first part.
        func assembly(_ number: Int) -> Assembly {
            if let assembly = assemblies[number] { return assembly }
            let assembly = Assembly(bytesMax: asking.question.budget.bytesMax)
            assemblies[number] = assembly
            return assembly
        }
    }

    /// An answer that grows; only its host's connection adds to it.
    private final class Assembly: Sendable {
        let merger: Mutex<AnswerMerger>
        /// The sealed parts as they came; nil once one of them is not kept.
        let sealed = Mutex<[UInt8]?>([])
        init(bytesMax: Int) { merger = Mutex(AnswerMerger(bytesMax: bytesMax)) }
    }

    private struct State {
        var engine: FanOutEngine
        var pending: [QuestionID: Pending] = [:]
    }

    private let state: Mutex<State>
    private let links: LinkTable
    private let registry: FleetRegistry
    private let counters: FleetCounters
    private let group: any EventLoopGroup
    private let grace: Duration
    private let now: @Sendable () -> Timestamp

    init(
        links: LinkTable,
        registry: FleetRegistry,
        counters: FleetCounters,
        group: any EventLoopGroup,
        configuration: FleetConfiguration
    ) {
        self.state = Mutex(State(engine: FanOutEngine(limits: configuration.fanOutLimits)))
        self.links = links
        self.registry = registry
        self.counters = counters
        self.group = group
        self.grace = configuration.deadlineGrace
        self.now = configuration.now
    }

    /// Bytes of sealed answers that one question keeps as they came; later answers can't become evidence.
    static let sealedBytesMax = 32 << 20

    /// Questions that still wait for at least one host.
    var questionsOpen: Int { state.withLock { $0.engine.questionsOpen } }

    /// Asks and waits for all replies; see ``Fleet/ask(_:of:budget:onReply:)``.
    func ask(
        _ probe: Probe,
        of hosts: [AgentID],
        budget: QuestionBudget,
        purpose: QuestionPurpose,
        onReply: (@Sendable (HostReply) -> Void)?
    ) async -> FleetReply {
        var budget = budget
        // What the wire can say, and what a person may wait for.
        budget.deadline = min(max(budget.deadline, .milliseconds(1)), .seconds(600))
        let question = Question(
            id: QuestionID(at: now()),
            probe: probe,
            budget: budget,
            isSealed: purpose == .evidence
        )
        var numbers: [AgentID: Int] = Dictionary(minimumCapacity: hosts.count)
        let references = registry.references(hosts).filter { host in
            guard numbers[host.id] == nil else { return false }
            numbers[host.id] = numbers.count
            return true
        }
        guard !references.isEmpty else { return FleetReply(question: question.id, probe: probe, replies: []) }
        let shifts = registry.clockShifts(of: references.lazy.map(\.id), for: probe)
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                begin(
                    Asking(
                        question: question,
                        purpose: purpose,
                        hosts: references,
                        numbers: numbers,
                        shifts: shifts,
                        onReply: onReply,
                        continuation: continuation
                    )
                )
                // A cancellation from before the question was known here found nothing to end.
                if Task.isCancelled { withdraw(question.id) }
            }
        } onCancel: {
            withdraw(question.id)
        }
    }

    /// A part of an answer arrived; false when nobody asked that host that question.
    func arrived(_ outer: WireAnswerChunk, bytes: Int, from host: AgentID) throws(WireError) -> Bool {
        guard let id = QuestionID(outer.questionID) else {
            throw WireError(.malformed, "the answer names no valid question")
        }
        let chunk = try outer.unsealed()
        let part = FanOutEngine.Part(
            index: Int(chunk.index),
            kind: chunk.kind,
            bytes: bytes,
            rows: chunk.rows
        )
        let (directives, assembly, isKept) = state.withLock { state in
            let directives = state.engine.arrived(part, of: id, from: host)
            guard case .keep(let number)? = directives.first, let pending = state.pending[id] else {
                return (directives, Assembly?.none, false)
            }
            let isKept =
                pending.asking.question.isSealed && !outer.sealed.isEmpty
                && pending.sealedBytes + outer.sealed.count <= Self.sealedBytesMax
            if isKept { pending.sealedBytes += outer.sealed.count }
            return (directives, pending.assembly(number), isKept)
        }
        guard let assembly else {
            carryOut(directives)
            return directives != [.dropStray(host)]
        }
        assembly.sealed.withLock { sealed in
            let bytes = outer.sealed.count + 4
            let fits = isKept && (sealed?.count ?? 0) + bytes <= SealedAnswer.bytesMax
            if fits { sealed?.append(contentsOf: outer.signedBytes) } else { sealed = nil }
        }
        do throws(WireError) {
            try assembly.merger.withLock { merger throws(WireError) in try merger.add(chunk) }
        } catch {
            // Unusable content ends this question here; what follows of it is late.
            let outcome = Outcome(.failed, reason: "the answer can't be understood: \(error.message)")
            carryOut(state.withLock { $0.engine.unusable(id, from: host, outcome) })
        }
        return true
    }

    /// A host said how a question ended; false when nobody asked that host that question.
    func ended(_ wire: WireQuestionOutcome, at host: AgentID) throws(WireError) -> Bool {
        guard let id = QuestionID(wire.questionID) else {
            throw WireError(.malformed, "the outcome names no valid question")
        }
        let outcome = Outcome(wire)
        // One that can't be read counts as none: the answer itself is as good as before.
        let signature = try? AnswerSignature(wire)
        if let signature { registry.heard(host, clock: signature.taken, at: now()) }
        let directives = state.withLock {
            $0.engine.ended(id, at: host, with: outcome, parts: Int(wire.chunks))
        }
        carryOut(directives, signature: signature)
        return directives != [.dropStray(host)]
    }

    /// The connection of a host ended; whatever it was asked on it has no answer.
    func lost(_ host: AgentID, reason: String) {
        carryOut(state.withLock { $0.engine.lost(host, reason: reason) })
    }

    /// A host is not believed any more: what it was asked ends with this outcome.
    func distrusted(_ host: AgentID, _ outcome: Outcome) {
        carryOut(state.withLock { $0.engine.distrusted(host, outcome) })
    }

    private func withdraw(_ question: QuestionID) {
        carryOut(state.withLock { $0.engine.withdrawn(question) })
    }

    private func begin(_ asking: Asking) {
        let question = asking.question
        let timer = group.next().scheduleTask(
            in: .nanoseconds((question.budget.deadline + grace).nanoseconds)
        ) {
            self.carryOut(self.state.withLock { $0.engine.expired(question.id) })
        }
        let directives = state.withLock { state in
            state.pending[question.id] = Pending(asking, timer: timer)
            return state.engine.ask(question, of: asking.hosts.map(\.id), for: asking.purpose)
        }
        let targets = directives.compactMap { directive in
            if case .send(_, let host) = directive { host } else { nil }
        }
        counters.update { $0.questionsSent += targets.count }
        // Almost always one: clocks are in step.
        for (shift, hosts) in Dictionary(grouping: targets, by: { asking.shifts[$0] ?? .zero }) {
            for (host, reason) in send(question, to: hosts, shift: shift) {
                carryOut(state.withLock { $0.engine.unsent(question.id, to: host, reason: reason) })
            }
        }
        carryOut(directives)
    }

    /// Hands a question to the connections of hosts whose clocks are off alike; why some can't be sent it.
    private func send(_ question: Question, to hosts: [AgentID], shift: Duration) -> [AgentID: String] {
        var question = question
        if shift != .zero { question.probe = question.probe.shifted(by: shift) }
        do throws(FrameError) {
            return registry.absence(
                of: links.post(try EncodedBody(.question(WireQuestion(question))), to: hosts)
            )
        } catch {
            return Dictionary(uniqueKeysWithValues: hosts.map { ($0, error.message) })
        }
    }

    /// Carries out everything but sending, which ``begin(_:)`` does for all hosts at once.
    private func carryOut(_ directives: [FanOutEngine.Directive], signature: AnswerSignature? = nil) {
        for directive in directives {
            switch directive {
            case .send, .keep: break
            case .cancel(let question, let host): links[host]?.post(.cancel(WireCancel(question)))
            case .reply(let question, let host, let outcome): reply(question, host, outcome, signature)
            case .cut(let host, let reason): links[host]?.end(LinkEnd(.broken, reason))
            case .dropLate: counters.update { $0.answersLate += 1 }
            case .dropStray: counters.update { $0.answersStray += 1 }
            }
        }
    }

    /// Gives one reply, and the whole when it was the last.
    private func reply(
        _ question: QuestionID,
        _ host: AgentID,
        _ outcome: Outcome,
        _ signature: AnswerSignature?
    ) {
        let found = state.withLock { state -> (Asking, HostReference, Assembly?)? in
            guard let pending = state.pending[question], let number = pending.asking.numbers[host] else {
                return nil
            }
            defer { pending.assemblies[number] = nil }
            return (pending.asking, pending.asking.hosts[number], pending.assemblies[number])
        }
        guard let (asking, reference, assembly) = found else { return }
        var answer = outcome.kind.hasAnswer ? assembly?.merger.withLock { $0.answer } : nil
        if let shift = asking.shifts[host] { answer?.shift(by: .zero - shift) }
        var sealed: SealedAnswer?
        if answer != nil, let signature, let bytes = assembly?.sealed.withLock({ $0 }), !bytes.isEmpty {
            sealed = SealedAnswer(bytes: bytes, signature: signature)
        }
        let reply = HostReply(host: reference, outcome: outcome, answer: answer, sealed: sealed)
        asking.onReply?(reply)
        // Counted only now, so that nobody hears of a reply after the whole has been returned.
        let finished: Finished? = state.withLock { state in
            guard let pending = state.pending[question] else { return nil }
            pending.replies.append(reply)
            guard pending.replies.count == pending.asking.hosts.count else { return nil }
            state.pending[question] = nil
            return Finished(timer: pending.timer, replies: pending.replies)
        }
        guard let finished else { return }
        finished.timer.cancel()
        asking.continuation.resume(
            returning: FleetReply(
                question: question,
                probe: asking.question.probe,
                replies: finished.replies
            )
        )
    }

    /// A question that all have replied to.
    private struct Finished: Sendable {
        let timer: Scheduled<Void>
        let replies: [HostReply]
    }
}

extension WireAnswerChunk {
    /// The probe's word that the chunk answers; empty when this version does not know it.
    var kind: String {
        switch body {
        case .logs: "logs"
        case .requests: "requests"
        case .metrics: "metrics"
        case .anomalies: "anomalies"
        case .processes: "processes"
        case .sockets: "sockets"
        case .dependencies: "dependencies"
        case .changes: "changes"
        case .facts: "facts"
        case .sql: "sql"
        case .ledger: "ledger"
        case .dryRun: "dry-run"
        case nil: ""
        }
    }

    /// Rows as a question's budget counts them.
    var rows: Int {
        switch body {
        case .logs(let answer): max(answer.lines.count, answer.templates.count)
        case .requests(let answer): answer.endpoints.count
        case .metrics(let answer): answer.series.count
        case .anomalies(let answer): answer.anomalies.count
        case .processes(let serialised): ProcessesAnswer.rows(serialised: serialised)
        case .sockets(let answer): max(answer.listening.count, answer.peers.count)
        case .dependencies(let answer): answer.checks.count
        case .changes(let answer): answer.changes.count
        case .facts(let answer): answer.facts.count
        case .ledger(let answer): answer.entries.count
        case .sql, .dryRun, nil: 1
        }
    }
}
