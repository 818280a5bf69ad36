import MusterCause
import MusterCore
import MusterIncident

/// Asks beyond the hosts that triage asked, and ranks what it all may mean.
struct Investigation: Sendable {
    let fleet: any Fleet
    let triage: Triage
    let now: @Sendable () -> Timestamp
    /// Hosts of what a service depends on, as far as it is known.
    var dependencies: @Sendable (String) -> Set<AgentID> = { _ in [] }
    /// What past incidents of such a signature turned out to be; nil when nothing is known at all.
    var recall: @Sendable (IncidentSignature) -> Recollection? = { _ in nil }

    /// How long the questions of a round may take on each host.
    static let deadline = Duration.milliseconds(1800)
    /// The same for what the first answers make one ask.
    static let secondDeadline = Duration.milliseconds(900)

    struct Result: Sendable {
        /// Only those that are new.
        var findings: [Finding]
        /// What the past says by now; nil when it is nothing new.
        var recollection: Recollection?
        var ranking: Ranking
        /// What the findings rest on.
        var evidence: GatheredEvidence
    }

    /// Round 1 asks the hosts that triage left out, round 2 everybody with a wider question, later rounds look
    /// again at everything.
    func run(_ incident: Incident, round: Int, knowledge: RankingKnowledge) async -> Result {
        guard let context = incident.context else {
            preconditionFailure("round \(round) of incident \(incident.id) before its context")
        }
        let hosts = await fleet.hosts()
        let scope = Scope(
            incident: incident,
            hosts: hosts,
            related: incident.service.isEmpty ? [] : dependencies(incident.service)
        )
        var found: [Finding] = []
        let limits: GatheredEvidence.Limits = incident.ranking?.verdict == .novel ? .novel : .usual
        var evidence = GatheredEvidence(limits)
        var table = context.hosts
        if round > 2 {
            let again = await triage.collect(incident)
            found += again.findings
            evidence.add(again.evidence)
            table = again.context.hosts
        }
        let asked = round == 1 ? scope.far : scope.far + scope.near
        let far = FarEnds(hosts: hosts)
        let interview = await ask(asked.filter { $0.state != .revoked }, far, round: round)
        let others = findings(interview, context: context, hosts: hosts)
        found += others
        evidence.add(GatheredEvidence(for: others, in: interview, limits))
        var fresh = found.filter { finding in !incident.findings.contains { Self.same($0, finding) } }
        let coverage = Self.added(context.coverage, interview.coverage, together: round == 1)
        func rank(_ past: Recollection?) -> Ranking {
            HypothesisDesk.rank(
                incident: incident,
                findings: incident.findings + fresh,
                hosts: table,
                coverage: coverage,
                unseen: interview.unseen,
                knowledge: knowledge.with(past)
            )
        }
        var ranking = rank(incident.recollection)
        let signature = IncidentSignature(
            incident,
            findings: incident.findings + fresh,
            cause: ranking.hypotheses.first?.kind
        )
        var news = recall(signature)
        // What was stored is what replays go by: what differs only in the last digits is not stored again.
        if let same = news, same.isLike(incident.recollection) { news = nil }
        if let past = news ?? incident.recollection {
            fresh += past.findings(at: now()).filter { finding in
                !incident.findings.contains { Self.same($0, finding) }
            }
            ranking = rank(past)
        }
        return Result(
            findings: fresh,
            recollection: news,
            ranking: ranking,
            evidence: evidence.only(for: fresh)
        )
    }

    private func ask(_ hosts: [FleetHost], _ far: FarEnds, round: Int) async -> Interview {
        var interview = Interview()
        guard !hosts.isEmpty else { return interview }
        let ids = hosts.map(\.id)
        let end = now() + .seconds(1)
        let past = TimeWindow(from: end - triage.changeWindow, to: end)
        let recent = TimeWindow(from: end - Triage.lookBack, to: end)
        let level: LogLevel = round == 1 ? .error : .warning
        await interview.ask(
            [
                .init("dependencies", .dependencies(name: ""), of: ids),
                .init("changes", .changes(window: past, service: ""), of: ids),
                .init("error logs", .logs(window: recent, service: "", level: level, text: ""), of: ids),
                .init(
                    "metrics",
                    .metrics(window: TimeWindow(from: end - .seconds(60), to: end), prefix: ""),
                    of: ids
                ),
            ],
            deadline: Self.deadline,
            of: fleet
        )
        let seen = interview.answers("dependencies")
        let ends = DependencyFindings.farEnds(of: seen, in: far).map(\.id)
        await interview.ask(
            [
                .init("sockets", .sockets(port: 0), of: ends, counts: false)
            ]
                + ProcessFindings.questions(HostMetrics.read(interview))
                + DatabaseActivity.questions(DependencyFindings.databases(of: seen)),
            deadline: Self.secondDeadline,
            of: fleet
        )
        return interview
    }

    private func findings(_ interview: Interview, context: IncidentContext, hosts: [FleetHost]) -> [Finding] {
        let moment = now()
        let changes = ChangeList.merged(seen: Triage.changes(interview), told: [])
        let answers = interview.answers("dependencies")
        var far = FarEnds(hosts: hosts)
        far.take(interview.answers("sockets"))
        let metrics = HostMetrics.read(interview)
        let hogs = ProcessFindings.hogs(metrics, rows: interview.answers("busiest"), onset: context.onset)
        let dependencies = DependencyFindings.findings(
            answers,
            far: far,
            databases: DatabaseActivity.answers(of: DependencyFindings.databases(of: answers), in: interview),
            losses: NetworkFindings.losses(interview.answers("metrics")),
            coverage: interview.coverage(of: "dependencies"),
            at: moment
        )
        return dependencies
            + ChangeFindings.findings(
                changes,
                onset: context.onset,
                hosts: hosts,
                coverage: interview.coverage(of: "changes"),
                at: moment
            )
            + LogFindings.findings(
                interview.answers("error logs"),
                far: far,
                onset: context.onset,
                coverage: interview.coverage(of: "error logs"),
                at: moment
            )
            + ProcessFindings.findings(
                hogs,
                sockets: interview.answers("listeners"),
                coverage: interview.coverage(of: "metrics"),
                at: moment
            )
            + MetricFindings.findings(
                metrics,
                busy: Set(hogs.map(\.host)),
                coverage: interview.coverage(of: "metrics"),
                at: moment
            )
            + NetworkFindings.findings(
                interview.answers("metrics"),
                beside: dependencies,
                coverage: interview.coverage(of: "metrics"),
                at: moment
            )
            + ClockFindings.findings(hosts, interview, at: moment)
    }

    /// Whether a finding says nothing that another did not.
    private static func same(_ old: Finding, _ new: Finding) -> Bool {
        guard old.kind == new.kind, old.subject == new.subject, old.suggests == new.suggests else {
            return false
        }
        if let change = new.change {
            // Asked again, hosts tell of it in their own words: people may have said that it began earlier.
            guard let known = old.change, ChangeList.same(known, change) else { return false }
            return Set(change.hosts).isSubset(of: known.hosts)
        }
        return Set(new.hosts).isSubset(of: old.hosts) && new.effect < old.effect + 0.2
    }

    /// Coverage over both; of different hosts they add, of the same the later counts.
    private static func added(_ first: Coverage, _ second: Coverage, together: Bool) -> Coverage {
        guard second.asked > 0 else { return first }
        guard together else { return second.asked >= first.asked ? second : first }
        return Coverage(
            asked: first.asked + second.asked,
            outcomes: first.outcomes.merging(second.outcomes) { $0 + $1 }
        )
    }
}
