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
        /// Merge the part that just arrived into the answer of the host, which is the so-manieth of those asked.
        case keep(number: Int)
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
    private struct Share {
        var parts = 0
        var bytes = 0
        var rows = 0
        /// The reply was given.
        var isReplied = false
        /// The host has ended the question too, or can't any more.
        var isEnded = false
    }

    /// One question to all its hosts; stays until each of them has ended it, however long that takes.
    private struct Asked {
        let question: Question
        /// The number of each host's share: its place among those asked.
        var numbers: [AgentID: Int]
        var shares: [Share]
        /// Hosts without a reply.
        var waiting: Int
        /// Hosts that have not ended it.
        var unended: Int
        var bytes = 0
    }

    private let limits: Limits
    private var asked: [QuestionID: Asked] = [:]
    /// Questions that each host has not ended.
    private var openAt: [AgentID: Int] = [:]

    init(limits: Limits = Limits()) { self.limits = limits }

    /// Questions that still wait for at least one host.
    private(set) var questionsOpen = 0

    /// Begins a question; hosts that turn out not to be there are told by ``unsent(_:to:reason:)``.
    mutating func ask(
        _ question: Question,
        of hosts: [AgentID],
        for purpose: QuestionPurpose = .incident
    ) -> [Directive] {
        let share = purpose == .browsing ? limits.browsingShare : 1
        let questionsMax = max(1, Int(Double(limits.questionsMax) * share))
        let perHostMax = max(1, Int(Double(limits.perHostMax) * share))
        guard questionsOpen < questionsMax, asked[question.id] == nil else {
            let reason = "\(questionsOpen) questions are open at once, the most allowed; ask again later"
            return hosts.map { .reply(question.id, $0, Outcome(.refused, reason: reason)) }
        }
        var directives: [Directive] = []
        directives.reserveCapacity(hosts.count)
        var numbers: [AgentID: Int] = Dictionary(minimumCapacity: hosts.count)
        for (number, host) in hosts.enumerated() {
            let count = openAt[host, default: 0]
            guard count < perHostMax else {
                let reason = "\(count) questions are open on this host, the most allowed"
                directives.append(.reply(question.id, host, Outcome(.refused, reason: reason)))
                continue
            }
            openAt[host] = count + 1
            numbers[host] = number
            directives.append(.send(question.id, to: host))
        }
        guard !numbers.isEmpty else { return directives }
        questionsOpen += 1
        asked[question.id] = Asked(
            question: question,
            numbers: numbers,
            shares: [Share](repeating: Share(), count: hosts.count),
            waiting: numbers.count,
            unended: numbers.count
        )
        return directives
    }

    /// The question could not be handed to the host's connection.
    mutating func unsent(_ question: QuestionID, to host: AgentID, reason: String) -> [Directive] {
        guard let place = place(of: host, in: question) else { return [] }
        defer { end(place, host) }
        return reply(place, host, Outcome(.unreachable, reason: reason))
    }

    /// A part of an answer arrived.
    mutating func arrived(_ part: Part, of question: QuestionID, from host: AgentID) -> [Directive] {
        guard let place = place(of: host, in: question) else { return [.dropStray(host)] }
        var share = asked.values[place.question].shares[place.share]
        share.bytes += part.bytes
        share.rows += part.rows
        asked.values[place.question].shares[place.share] = share
        let excess = excess(share, asked.values[place.question].question.budget)
        guard !share.isReplied else {
            // Who gave up must not have to read on without end.
            return [.dropLate(host)] + (excess.map { [.cut(host, reason: $0)] } ?? [])
        }
        let kind = asked.values[place.question].question.probe.name
        guard part.kind == kind else {
            let reason = "the host answered \(part.kind) to a question for \(kind)"
            return giveUp(place, host, Outcome(.failed, reason: reason))
        }
        guard part.index == share.parts else {
            let reason = "part \(part.index) of the answer came where part \(share.parts) was due"
            return giveUp(place, host, Outcome(.failed, reason: reason))
        }
        if let excess {
            // Agents know the budget and keep to it: whoever does not is not believed in part either.
            let outcome = Outcome(.failed, reason: excess, rowsDropped: part.rows)
            return giveUp(place, host, outcome) + [.cut(host, reason: excess)]
        }
        guard asked.values[place.question].bytes + part.bytes <= limits.bytesMax else {
            let reason =
                "all answers together are larger than \(limits.bytesMax) bytes; ask fewer hosts or a shorter time"
            let kind: OutcomeKind = share.parts > 0 ? .partial : .failed
            return giveUp(place, host, Outcome(kind, reason: reason, rowsDropped: part.rows))
        }
        asked.values[place.question].shares[place.share].parts += 1
        asked.values[place.question].bytes += part.bytes
        return [.keep(number: place.share)]
    }

    /// The host said how the question ended; `parts` is how many it says it sent.
    mutating func ended(
        _ question: QuestionID,
        at host: AgentID,
        with outcome: Outcome,
        parts: Int
    ) -> [Directive] {
        guard let place = place(of: host, in: question) else { return [.dropStray(host)] }
        defer { end(place, host) }
        let received = asked.values[place.question].shares[place.share].parts
        return reply(place, host, Self.checked(outcome, parts: parts, received: received))
    }

    /// A part that was kept turned out to make no sense.
    mutating func unusable(_ question: QuestionID, from host: AgentID, _ outcome: Outcome) -> [Directive] {
        guard let place = place(of: host, in: question),
            !asked.values[place.question].shares[place.share].isReplied
        else { return [] }
        return giveUp(place, host, outcome)
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
        guard openAt[host] != nil else { return [] }
        return asked.keys.sorted().flatMap { question -> [Directive] in
            guard let place = place(of: host, in: question) else { return [] }
            defer { end(place, host) }
            return reply(place, host, outcome(asked.values[place.question].shares[place.share].parts))
        }
    }

    /// The deadline of a question passed.
    mutating func expired(_ question: QuestionID) -> [Directive] {
        guard let seconds = asked[question]?.question.budget.deadline.inSeconds else { return [] }
        return end(question, Outcome(.timeout, reason: "no answer within \(seconds.text()) s"))
    }

    /// The asker went away.
    mutating func withdrawn(_ question: QuestionID) -> [Directive] {
        end(question, Outcome(.timeout, reason: "the asker stopped waiting"))
    }

    /// Replies for all hosts that are still waited for, and tells them.
    private mutating func end(_ question: QuestionID, _ outcome: Outcome) -> [Directive] {
        guard let asking = asked[question], asking.waiting > 0 else { return [] }
        let silent = asking.numbers.filter { !asking.shares[$0.value].isReplied }
        return silent.keys.sorted().flatMap { host -> [Directive] in
            place(of: host, in: question).map { giveUp($0, host, outcome) } ?? []
        }
    }

    // MARK: Shares

    /// Where a host's share of a question stands; only valid until a question is added or removed.
    private struct Place {
        let question: Dictionary<QuestionID, Asked>.Index
        let share: Int
    }

    /// Nil when the host was not asked, or has ended it.
    private func place(of host: AgentID, in question: QuestionID) -> Place? {
        guard let index = asked.index(forKey: question), let share = asked.values[index].numbers[host],
            !asked.values[index].shares[share].isEnded
        else { return nil }
        return Place(question: index, share: share)
    }

    /// Replies now and keeps the share until the host ends it too.
    private mutating func giveUp(_ place: Place, _ host: AgentID, _ outcome: Outcome) -> [Directive] {
        let question = asked.keys[place.question]
        let replies = reply(place, host, outcome)
        shrink(place.question)
        return [.cancel(question, at: host)] + replies
    }

    /// Replies once.
    private mutating func reply(_ place: Place, _ host: AgentID, _ outcome: Outcome) -> [Directive] {
        guard !asked.values[place.question].shares[place.share].isReplied else { return [] }
        asked.values[place.question].shares[place.share].isReplied = true
        asked.values[place.question].waiting -= 1
        if asked.values[place.question].waiting == 0 { questionsOpen -= 1 }
        return [.reply(asked.keys[place.question], host, outcome)]
    }

    /// Nothing more can come of the share.
    private mutating func end(_ place: Place, _ host: AgentID) {
        asked.values[place.question].shares[place.share].isEnded = true
        asked.values[place.question].unended -= 1
        if asked.values[place.question].unended == 0 {
            asked.remove(at: place.question)
        } else {
            shrink(place.question)
        }
        guard let count = openAt[host] else { return }
        openAt[host] = count > 1 ? count - 1 : nil
    }

    /// Once all have replied, forgets the hosts that have ended the question.
    ///
    /// A few that never do must not keep a table of the whole fleet. It is halved at least, so that this costs little
    /// however many end one after the other.
    private mutating func shrink(_ question: Dictionary<QuestionID, Asked>.Index) {
        guard asked.values[question].waiting == 0,
            asked.values[question].unended * 2 <= asked.values[question].shares.count
        else { return }
        let asking = asked.values[question]
        let left = asking.numbers.filter { !asking.shares[$0.value].isEnded }
        asked.values[question].numbers = [:]
        asked.values[question].shares = []
        for (host, number) in left {
            asked.values[question].numbers[host] = asked.values[question].shares.count
            asked.values[question].shares.append(asking.shares[number])
        }
    }

    /// Hosts whose share of a question is kept, for tests.
    func sharesKept(of question: QuestionID) -> Int { asked[question]?.shares.count ?? 0 }

    /// Which bound of its own a host has passed with what it sent.
    private func excess(_ share: Share, _ budget: QuestionBudget) -> String? {
        if share.bytes > budget.bytesMax + limits.framingBytes * (share.parts + 1) {
            return "the answer is larger than the \(budget.bytesMax) bytes allowed"
        }
        if share.rows > budget.rowsMax {
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
