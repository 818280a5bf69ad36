import MusterCore

/// Decides how questions to many hosts go: one reply for each host asked, whatever the hosts do.
///
/// Knows neither connections nor answers, only who was asked what and how much came back. The shell
/// (``FanOut``) carries out the directives in order and tells it when a deadline passed.
struct FanOutEngine {
    /// Bounds that hold whatever a question's own budget says.
    struct Limits: Sendable {
        /// Questions that one host may have open, counting those given up here but not yet ended there.
        var perHostMax = 32
        /// Questions that may be open at once.
        var questionsMax = 256
        /// The share of both that browsing may take up; the rest is kept for incidents.
        var browsingShare = 0.75
        /// Bytes of answers that one question may bring from all hosts together.
        var bytesMax = 512 << 20
        /// Bytes that a frame may add around its part of an answer, not counted against a host's budget.
        var framingBytes = 128
    }

    /// What the shell shall do.
    enum Directive: Equatable {
        /// Send the question to the host; report ``FanOutEngine/lost(_:reason:)`` or `unsent` if that fails.
        case send(QuestionID, to: AgentID)
        /// Tell the host that the answer is no longer wanted.
        case cancel(QuestionID, at: AgentID)
        /// Merge the part that just arrived into the host's answer.
        case keep
        /// The one reply of the host; with an answer only when the outcome has one.
        case reply(QuestionID, AgentID, Outcome)
        /// Close the host's connection: it sends more than any agent of ours would.
        case cut(AgentID, reason: String)
        /// Count and drop: it arrived after the reply was given.
        case dropLate(AgentID)
        /// Count and drop: nobody asked that host that question.
        case dropStray(AgentID)
    }

    /// One part of an answer, as far as decisions need it.
    struct Part {
        var index: Int
        /// The probe's word that it belongs to.
        var kind: String
        var bytes: Int
        var rows: Int
    }

    /// How far one host is with one question.
    private struct Progress {
        let budget: QuestionBudget
        var parts = 0
        var bytes = 0
        var rows = 0
        /// The reply was given; only the host's own end of it is missing.
        var replied = false
    }

    /// One question to all its hosts.
    private struct Asked {
        let question: Question
        var waiting: Set<AgentID>
        var bytes = 0
    }

    private let limits: Limits
    private var asked: [QuestionID: Asked] = [:]
    private var open: [AgentID: [QuestionID: Progress]] = [:]

    init(limits: Limits = Limits()) { self.limits = limits }

    /// Questions that still wait for at least one host.
    var questionsOpen: Int { asked.count }

    /// Begins a question; hosts that turn out not to be there are told by ``unsent(_:to:reason:)``.
    mutating func ask(
        _ question: Question,
        of hosts: [AgentID],
        for purpose: QuestionPurpose = .incident
    ) -> [Directive] {
        let share = purpose == .browsing ? limits.browsingShare : 1
        let questionsMax = max(1, Int(Double(limits.questionsMax) * share))
        let perHostMax = max(1, Int(Double(limits.perHostMax) * share))
        guard asked.count < questionsMax, asked[question.id] == nil else {
            let reason = "\(asked.count) questions are open at once, the most allowed; ask again later"
            return hosts.map { .reply(question.id, $0, Outcome(.refused, reason: reason)) }
        }
        var directives: [Directive] = []
        var waiting: Set<AgentID> = []
        for host in hosts {
            if let count = open[host]?.count, count >= perHostMax {
                let reason = "\(count) questions are open on this host, the most allowed"
                directives.append(.reply(question.id, host, Outcome(.refused, reason: reason)))
            } else {
                open[host, default: [:]][question.id] = Progress(budget: question.budget)
                waiting.insert(host)
                directives.append(.send(question.id, to: host))
            }
        }
        if !waiting.isEmpty { asked[question.id] = Asked(question: question, waiting: waiting) }
        return directives
    }

    /// The question could not be handed to the host's connection.
    mutating func unsent(_ question: QuestionID, to host: AgentID, reason: String) -> [Directive] {
        guard open[host]?.removeValue(forKey: question)?.replied == false else { return [] }
        if open[host]?.isEmpty == true { open[host] = nil }
        return reply(question, host, Outcome(.unreachable, reason: reason))
    }

    /// A part of an answer arrived.
    mutating func arrived(_ part: Part, of question: QuestionID, from host: AgentID) -> [Directive] {
        guard var progress = open[host]?[question] else { return [.dropStray(host)] }
        progress.bytes += part.bytes
        progress.rows += part.rows
        open[host]?[question] = progress
        let excess = excess(progress)
        guard !progress.replied, let place = asked.index(forKey: question) else {
            // Who gave up must not have to read on without end.
            return [.dropLate(host)] + (excess.map { [.cut(host, reason: $0)] } ?? [])
        }
        let kind = asked.values[place].question.probe.name
        guard part.kind == kind else {
            let reason = "the host answered \(part.kind) to a question for \(kind)"
            return giveUp(question, host, Outcome(.failed, reason: reason))
        }
        guard part.index == progress.parts else {
            let reason = "part \(part.index) of the answer came where part \(progress.parts) was due"
            return giveUp(question, host, Outcome(.failed, reason: reason))
        }
        if let excess {
            // Agents know the budget and keep to it: whoever does not is not believed in part either.
            let outcome = Outcome(.failed, reason: excess, rowsDropped: part.rows)
            return giveUp(question, host, outcome) + [.cut(host, reason: excess)]
        }
        guard asked.values[place].bytes + part.bytes <= limits.bytesMax else {
            let reason =
                "all answers together are larger than \(limits.bytesMax) bytes; ask fewer hosts or a shorter time"
            let kind: OutcomeKind = progress.parts > 0 ? .partial : .failed
            return giveUp(question, host, Outcome(kind, reason: reason, rowsDropped: part.rows))
        }
        progress.parts += 1
        open[host]?[question] = progress
        asked.values[place].bytes += part.bytes
        return [.keep]
    }

    /// The host said how the question ended; `parts` is how many it says it sent.
    mutating func ended(
        _ question: QuestionID,
        at host: AgentID,
        with outcome: Outcome,
        parts: Int
    ) -> [Directive] {
        guard let progress = open[host]?.removeValue(forKey: question) else { return [.dropStray(host)] }
        if open[host]?.isEmpty == true { open[host] = nil }
        guard !progress.replied else { return [] }
        return reply(question, host, Self.checked(outcome, parts: parts, received: progress.parts))
    }

    /// A part that was kept turned out to make no sense.
    mutating func unusable(_ question: QuestionID, from host: AgentID, _ outcome: Outcome) -> [Directive] {
        guard open[host]?[question]?.replied == false else { return [] }
        return giveUp(question, host, outcome)
    }

    /// The connection of a host ended; what had arrived of its answers is kept.
    mutating func lost(_ host: AgentID, reason: String) -> [Directive] {
        leave(host) { parts in
            parts == 0
                ? Outcome(.unreachable, reason: "connection lost: \(reason)")
                : Outcome(.partial, reason: "connection lost after \(parts) parts of the answer: \(reason)")
        }
    }

    /// A host is not believed any more.
    mutating func distrusted(_ host: AgentID, _ outcome: Outcome) -> [Directive] {
        leave(host) { _ in outcome }
    }

    /// Ends everything that a host was asked.
    private mutating func leave(_ host: AgentID, _ outcome: (_ parts: Int) -> Outcome) -> [Directive] {
        let questions = (open.removeValue(forKey: host) ?? [:]).filter { !$0.value.replied }
        return questions.sorted { $0.key < $1.key }.flatMap { reply($0.key, host, outcome($0.value.parts)) }
    }

    /// The deadline of a question passed.
    mutating func expired(_ question: QuestionID) -> [Directive] {
        guard let asking = asked[question] else { return [] }
        let seconds = asking.question.budget.deadline.inSeconds
        return end(question, Outcome(.timeout, reason: "no answer within \(seconds.text()) s"))
    }

    /// The asker went away.
    mutating func withdrawn(_ question: QuestionID) -> [Directive] {
        end(question, Outcome(.timeout, reason: "the asker stopped waiting"))
    }

    /// Replies for all hosts that are still waited for, and tells them.
    private mutating func end(_ question: QuestionID, _ outcome: Outcome) -> [Directive] {
        (asked[question]?.waiting.sorted() ?? []).flatMap { giveUp(question, $0, outcome) }
    }

    /// Replies now and keeps the pair until the host ends it too.
    private mutating func giveUp(_ question: QuestionID, _ host: AgentID, _ outcome: Outcome) -> [Directive] {
        open[host]?[question]?.replied = true
        return [.cancel(question, at: host)] + reply(question, host, outcome)
    }

    private mutating func reply(_ question: QuestionID, _ host: AgentID, _ outcome: Outcome) -> [Directive] {
        guard asked[question]?.waiting.remove(host) != nil else { return [] }
        if asked[question]?.waiting.isEmpty == true { asked[question] = nil }
        return [.reply(question, host, outcome)]
    }

    /// Which bound of its own a host has passed with what it sent.
    private func excess(_ progress: Progress) -> String? {
        let budget = progress.budget
        if progress.bytes > budget.bytesMax + limits.framingBytes * (progress.parts + 1) {
            return "the answer is larger than the \(budget.bytesMax) bytes allowed"
        }
        if progress.rows > budget.rowsMax {
            return "the answer has more than the \(budget.rowsMax) rows allowed"
        }
        return nil
    }

    /// What a host says of itself, checked against what arrived from it.
    private static func checked(_ outcome: Outcome, parts: Int, received: Int) -> Outcome {
        var checked = outcome
        if outcome.kind == .unreachable {
            checked.kind = .failed
            checked.reason = "the host says that it is unreachable: \(outcome.reason)"
        }
        guard checked.kind.hasAnswer else { return checked }
        if received == 0 {
            checked.kind = .failed
            if outcome.reason.isEmpty {
                checked.reason = "the host said \(outcome.kind.rawValue) without an answer"
            }
        } else if parts != received {
            checked.kind = .partial
            checked.reason = "\(received) of \(parts) parts of the answer arrived"
        }
        return checked
    }
}
