import MusterCore
import MusterIdentity
import MusterIncident

/// Collects within two seconds what opens an incident: onset, harm, sick hosts, dependencies, changes.
struct Triage: Sendable {
    let fleet: any Fleet
    let changes: ChangeStore
    let changeWindow: Duration
    let now: @Sendable () -> Timestamp

    /// How long the first and the second stretch of questions may take on each host.
    static let firstDeadline = Duration.milliseconds(800)
    static let secondDeadline = Duration.milliseconds(600)
    /// Looked at for how a service is in which no onset is found.
    static let wellFor = Duration.seconds(60)
    /// Looked back for the onset.
    static let lookBack = Duration.seconds(600)

    /// What triage brings: events in the order in which they are stored.
    struct Result: Sendable {
        var context: IncidentContext
        var findings: [Finding]
        /// What the findings rest on.
        var evidence: GatheredEvidence
    }

    func collect(_ incident: Incident) async -> Result {
        let hosts = await fleet.hosts()
        let scope = Scope(incident: incident, hosts: hosts)
        let near = scope.near.map(\.id)
        let started = now()
        let wide = TimeWindow(from: started - Self.lookBack, to: started + .seconds(1))
        let past = TimeWindow(from: started - changeWindow, to: started + .seconds(1))
        let bucket = near.count <= 50 ? 1 : 5

        var interview = Interview()
        async let told = recorded(past)
        await interview.ask(
            [
                .init("requests", counts(wide, bucket: bucket), of: near),
                .init("dependencies", .dependencies(name: ""), of: near),
                .init("changes", .changes(window: past, service: ""), of: near),
                .init("facts", .facts, of: near),
                .init(
                    "error logs",
                    .logs(window: wide, service: "", level: .error, text: ""),
                    of: near
                ),
                .init(
                    "metrics",
                    .metrics(window: TimeWindow(from: started - .seconds(60), to: wide.to), prefix: ""),
                    of: near
                ),
            ],
            deadline: Self.firstDeadline,
            of: fleet
        )
        let requests = RequestPicture.merged(interview.reply("requests"))
        var risen = requests.flatMap { RequestPicture.onset(in: $0, service: incident.service)?.at }
        if risen == nil {
            let moment = now()
            await interview.ask(
                LatencyOnset.questions(at: moment, of: near),
                deadline: Self.secondDeadline,
                of: fleet
            )
            risen = LatencyOnset.find(in: interview, service: incident.service, at: moment)
        }
        let onset = risen ?? self.onset(incident)
        // An alert that just fired leaves no time to judge by: where nothing rose, the last minute tells how the service is.
        let judged = risen ?? min(onset, started - Self.wellFor)
        let before = TimeWindow(from: judged - Self.lookBack, to: judged)
        let since = TimeWindow(from: judged, to: now() + .milliseconds(1))
        let seen = interview.answers("dependencies")
        await interview.ask(
            [
                .init("requests before", counts(before, bucket: 0), of: near),
                .init("requests since", withUsers(since), of: near),
                .init(
                    "sockets",
                    .sockets(port: 0),
                    of: DependencyFindings.farEnds(of: seen, in: FarEnds(hosts: hosts)).map(\.id),
                    counts: false
                ),
            ] + ProcessFindings.questions(HostMetrics.read(interview))
                + DatabaseActivity.questions(DependencyFindings.databases(of: seen)),
            deadline: Self.secondDeadline,
            of: fleet
        )
        let list = ChangeList.merged(seen: Self.changes(interview), told: await told)
        return picture(
            incident,
            interview,
            Moment(onset: onset, before: before, since: since),
            scope: scope,
            hosts: hosts,
            changes: list
        )
    }

    private struct Moment {
        let onset: Timestamp
        let before: TimeWindow
        let since: TimeWindow
    }

    private func picture(
        _ incident: Incident,
        _ interview: Interview,
        _ moment: Moment,
        scope: Scope,
        hosts: [FleetHost],
        changes: [Change]
    ) -> Result {
        let ended = now()
        let requests = RequestPicture(
            before: interview.reply("requests before"),
            after: interview.reply("requests since"),
            window: moment.since
        )
        let health = requests.health(of: incident.service)
        let table = HostTable.rows(
            hosts: scope.near,
            requests: requests.perHost(of: incident.service),
            replies: interview.reply("requests since"),
            facts: Self.facts(interview),
            ratioBefore: health.first?.errorRatioBefore ?? 0,
            slow: requests.slowHosts(of: incident.service)
        )
        let answers = interview.answers("dependencies")
        var far = FarEnds(hosts: hosts)
        far.take(interview.answers("sockets"))
        var findings = RequestFindings.findings(
            requests,
            context: .init(
                service: incident.service,
                onset: moment.onset,
                hosts: table,
                coverage: interview.coverage(of: "requests since")
            ),
            at: ended
        )
        findings += DependencyFindings.findings(
            answers,
            far: far,
            databases: DatabaseActivity.answers(of: DependencyFindings.databases(of: answers), in: interview),
            losses: NetworkFindings.losses(interview.answers("metrics")),
            coverage: interview.coverage(of: "dependencies"),
            at: ended
        )
        findings += ChangeFindings.findings(
            changes,
            onset: moment.onset,
            hosts: hosts,
            coverage: interview.coverage(of: "changes"),
            at: ended
        )
        findings += LogFindings.findings(
            interview.answers("error logs"),
            far: far,
            onset: moment.onset,
            coverage: interview.coverage(of: "error logs"),
            at: ended
        )
        let metrics = HostMetrics.read(interview)
        let hogs = ProcessFindings.hogs(metrics, rows: interview.answers("busiest"), onset: moment.onset)
        findings += ProcessFindings.findings(
            hogs,
            sockets: interview.answers("listeners"),
            coverage: interview.coverage(of: "metrics"),
            at: ended
        )
        findings += MetricFindings.findings(
            metrics,
            busy: Set(hogs.map(\.host)),
            requestsTimes: requests.rates(of: incident.service).map { $0.after / max(0.1, $0.before) } ?? 1,
            coverage: interview.coverage(of: "metrics"),
            at: ended
        )
        findings += NetworkFindings.findings(
            interview.answers("metrics"),
            beside: findings.filter { $0.kind == .dependency },
            coverage: interview.coverage(of: "metrics"),
            at: ended
        )
        findings += ClockFindings.findings(hosts, interview, at: ended)
        var context = IncidentContext(
            onset: moment.onset,
            took: ended - incident.opened,
            lines: [],
            blast: requests.blast(of: incident.service),
            endpoints: health,
            hosts: Array(table.prefix(200)),
            dependencies: Array(DependencyFindings.states(answers).prefix(100)),
            changes: Array(changes.prefix(20)),
            coverage: interview.coverage
        )
        context.lines = ContextLines.lines(
            context,
            incident: incident,
            hosts: scope.near,
            unseen: interview.unseen
        )
        return Result(
            context: context,
            findings: findings,
            evidence: GatheredEvidence(for: findings, in: interview)
        )
    }

    /// Counts and latency alone: hosts answer from memory.
    private func counts(_ window: TimeWindow, bucket: Int) -> Probe {
        .requests(window: window, service: "", salt: [], bucketSeconds: bucket)
    }

    /// With users, for whom each host reads its logs of the window again.
    private func withUsers(_ window: TimeWindow) -> Probe {
        // The salt is new for every question: sketches of two questions can't be joined.
        .requests(window: window, service: "", salt: SecureRandom.bytes(16), bucketSeconds: 0)
    }

    /// When the first alert says that it began, for want of anything seen.
    private func onset(_ incident: Incident) -> Timestamp {
        let told = incident.alerts.filter { $0.status == .firing }.map(\.starts).min() ?? incident.opened
        // An alert that claims to be of the future or of long ago tells nothing about these minutes.
        return min(max(told, incident.opened - Self.lookBack), incident.opened)
    }

    private func recorded(_ window: TimeWindow) async -> [Change] {
        // Changes that can't be read now are missed, not fatal: the hosts' own are still there.
        (try? await changes.changes(in: window)) ?? []
    }

    private static func facts(_ interview: Interview) -> [AgentID: [String: String]] {
        var facts: [AgentID: [String: String]] = [:]
        for (host, answer) in interview.answers("facts") {
            if case .facts(let answer) = answer { facts[host.id] = answer.facts }
        }
        return facts
    }

    static func changes(_ interview: Interview) -> [(host: HostReference, change: Change)] {
        interview.answers("changes").flatMap { host, answer in
            guard case .changes(let list) = answer else { return [(host: HostReference, change: Change)]() }
            return list.changes.map { (host, $0) }
        }
    }
}

extension Triage {
    /// Who was hurt inside a window, counted anew; nil when no requests were seen.
    ///
    /// It has more time than triage: nobody waits for it at night.
    func blast(of incident: Incident, in window: TimeWindow) async -> BlastRadius? {
        let scope = Scope(incident: incident, hosts: await fleet.hosts())
        let before = TimeWindow(from: window.from - Self.lookBack, to: window.from)
        let near = scope.near.map(\.id)
        var interview = Interview()
        await interview.ask(
            [
                .init("before", counts(before, bucket: 0), of: near),
                .init("since", withUsers(window), of: near),
            ],
            deadline: .seconds(5),
            of: fleet,
            for: .incident
        )
        let picture = RequestPicture(
            before: interview.reply("before"),
            after: interview.reply("since"),
            window: window
        )
        return picture.blast(of: incident.service)
    }
}
