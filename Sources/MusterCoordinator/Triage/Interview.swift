import MusterCore

/// Asks hosts several questions at once, and keeps who answered what.
///
/// One for each stretch of triage or investigation: it adds up coverage over its questions.
struct Interview: Sendable {
    /// One for each time that a question was asked, of other hosts each.
    private var replies: [String: [FleetReply]] = [:]
    /// Who was asked what, also hosts of which no reply tells: they may have left the fleet meanwhile.
    private var asked: [String: Set<AgentID>] = [:]
    /// Questions that are left out of ``coverage`` and ``unseen``.
    private var uncounted: Set<String> = []

    /// One question under a name of its own.
    struct Item: Sendable {
        let name: String
        let probe: Probe
        let hosts: [AgentID]
        /// Whether it is one of the questions that everybody in scope is asked, and not a closer look at a few.
        let counts: Bool
        /// Rows of each host's answer at most.
        let rowsMax: Int

        init(
            _ name: String,
            _ probe: Probe,
            of hosts: [AgentID],
            counts: Bool = true,
            rowsMax: Int = 4096
        ) {
            self.name = name
            self.probe = probe
            self.hosts = hosts
            self.counts = counts
            self.rowsMax = rowsMax
        }
    }

    /// Asks all of them at the same time; returns when all are done.
    mutating func ask(
        _ items: [Item],
        deadline: Duration,
        of fleet: any Fleet,
        for purpose: QuestionPurpose = .evidence
    ) async {
        for item in items { asked[item.name, default: []].formUnion(item.hosts) }
        uncounted.formUnion(items.lazy.filter { !$0.counts }.map(\.name))
        await withTaskGroup(of: (String, FleetReply).self) { group in
            for item in items where !item.hosts.isEmpty {
                let budget = QuestionBudget(deadline: deadline, bytesMax: 2 << 20, rowsMax: item.rowsMax)
                group.addTask {
                    let reply = await fleet.ask(
                        item.probe,
                        of: item.hosts,
                        budget: budget,
                        purpose: purpose,
                        onReply: nil
                    )
                    return (item.name, reply)
                }
            }
            for await (name, reply) in group { replies[name, default: []].append(reply) }
        }
    }

    /// The question for those of its hosts that were not asked it yet.
    func unasked(_ item: Item) -> Item {
        guard let asked = asked[item.name], !asked.isEmpty else { return item }
        return Item(
            item.name,
            item.probe,
            of: item.hosts.filter { !asked.contains($0) },
            counts: item.counts,
            rowsMax: item.rowsMax
        )
    }

    /// Each time that a question was asked.
    func all(_ name: String) -> [FleetReply] { replies[name] ?? [] }

    /// The replies to a question as one, however often it was asked; nil when it was not.
    func reply(_ name: String) -> FleetReply? {
        let all = all(name)
        guard let first = all.first, all.count > 1 else { return all.first }
        return FleetReply(question: first.question, probe: first.probe, replies: all.flatMap(\.replies))
    }

    /// Replies with an answer to a question.
    func answers(_ name: String) -> [(host: HostReference, answer: Answer)] {
        (reply(name)?.replies ?? []).compactMap { reply in
            guard reply.outcome.kind.hasAnswer, let answer = reply.answer else { return nil }
            return (reply.host, answer)
        }
    }

    /// Hosts that answered anything.
    var answered: Set<AgentID> {
        Set(replies.values.lazy.joined().flatMap(\.replies).filter { $0.answer != nil }.map(\.host.id))
    }

    func coverage(of name: String) -> Coverage { reply(name)?.coverage ?? Coverage() }

    private var counted: [(key: String, value: FleetReply)] {
        replies.keys.filter { !uncounted.contains($0) }.sorted().compactMap { name in
            reply(name).map { (name, $0) }
        }
    }

    /// Per host over all questions: ok when all were answered, partial when some were, else the first failure.
    var coverage: Coverage {
        var kinds: [AgentID: [OutcomeKind]] = [:]
        for (_, reply) in counted {
            for one in reply.replies { kinds[one.host.id, default: []].append(one.outcome.kind) }
        }
        var outcomes: [String: Int] = [:]
        for list in kinds.values {
            let kind: OutcomeKind
            if list.allSatisfy({ $0 == .ok }) {
                kind = .ok
            } else if list.contains(where: \.hasAnswer) {
                kind = .partial
            } else {
                kind = list.first { !$0.hasAnswer } ?? .failed
            }
            outcomes[kind.rawValue, default: 0] += 1
        }
        return Coverage(asked: kinds.count, outcomes: outcomes)
    }

    /// What was asked and not seen, one sentence per question and kind of failure; at most 16.
    var unseen: [String] {
        var sentences: [String] = []
        for (name, reply) in counted {
            let silent = reply.replies.filter { !$0.outcome.kind.hasAnswer }
            for kind in OutcomeKind.allCases {
                let hosts = silent.filter { $0.outcome.kind == kind }
                guard let first = hosts.first else { continue }
                let names = hosts.prefix(3).map(\.host.name).joined(separator: ", ")
                let more = hosts.count > 3 ? " and \(hosts.count - 3) more" : ""
                let reason = first.outcome.reason.isEmpty ? "" : ": \(first.outcome.reason)"
                sentences.append("\(name) of \(names)\(more): \(kind.rawValue)\(reason)")
            }
        }
        return Array(sentences.prefix(16))
    }
}
