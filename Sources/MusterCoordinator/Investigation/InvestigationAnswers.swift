import MusterCause
import MusterCore
import MusterIncident

/// What the answers of an investigation show, all of them together.
struct InvestigationAnswers: Sendable {
    private let interview: Interview
    private let ground: InvestigationGround
    private let requests: RequestPicture

    init(_ interview: Interview, ground: InvestigationGround) {
        self.interview = interview
        self.ground = ground
        requests = RequestPicture(
            before: interview.reply("requests before"),
            after: interview.reply("requests since"),
            window: ground.requests.since
        )
    }

    /// Calls between services: of the map, and of what hosts check.
    func links(_ incident: Incident, mapped: [ServiceCall]) -> ServiceLinks {
        var own = requests.services
        if let context = incident.context, !incident.service.isEmpty,
            !own.contains(where: { $0.service == incident.service }),
            context.endpoints.contains(where: { $0.service == incident.service && $0.requests > 0 })
        {
            let requests = context.endpoints.filter { $0.service == incident.service }.reduce(0) {
                $0.saturatingAdd($1.requests)
            }
            let hosts = Set(context.hosts.map(\.host.id))
            own.insert((incident.service, hosts, requests, requests), at: 0)
        }
        return ServiceLinks(
            mapped: mapped,
            dependencies: (incident.context?.dependencies ?? [])
                + DependencyFindings.states(interview.answers("dependencies")),
            far: FarEnds(hosts: ground.hosts),
            requests: own
        )
    }

    /// `known` are the ports on which something listened on a host lately.
    func findings(
        _ incident: Incident,
        onset: Timestamp,
        known: (AgentID) -> [KnownListener],
        at now: Timestamp
    ) -> [Finding] {
        let changes = ChangeList.merged(seen: Triage.changes(interview), told: [])
        let answers = interview.answers("dependencies")
        var far = FarEnds(hosts: ground.hosts)
        far.take(interview.answers("sockets") + interview.answers("listening ports"))
        let metrics = HostMetrics.read(interview)
        let hogs = ProcessFindings.hogs(metrics, rows: interview.answers("busiest"), onset: onset)
        let dependencies = DependencyFindings.findings(
            answers,
            far: far,
            databases: DatabaseActivity.answers(of: DependencyFindings.databases(of: answers), in: interview),
            losses: NetworkFindings.losses(interview.answers("metrics")),
            coverage: interview.coverage(of: "dependencies"),
            at: now
        )
        return dependencies
            + ChangeFindings.findings(
                changes,
                onset: onset,
                hosts: ground.hosts,
                coverage: interview.coverage(of: "changes"),
                at: now
            )
            + LogFindings.findings(
                interview.answers("error logs"),
                far: far,
                onset: onset,
                coverage: interview.coverage(of: "error logs"),
                at: now
            )
            + RequestFindings.others(
                requests,
                replies: interview.reply("requests since"),
                hosts: ground.hosts,
                than: incident.service,
                onset: onset,
                coverage: interview.coverage(of: "requests since"),
                at: now
            )
            + ListenerFindings.findings(
                interview.answers("listening ports"),
                known: known,
                onset: onset,
                coverage: interview.coverage(of: "listening ports"),
                at: now
            )
            + ProcessFindings.findings(
                hogs,
                sockets: interview.answers("listeners"),
                coverage: interview.coverage(of: "metrics"),
                at: now
            )
            + MetricFindings.findings(
                metrics,
                busy: Set(hogs.map(\.host)),
                coverage: interview.coverage(of: "metrics"),
                at: now
            )
            + NetworkFindings.findings(
                interview.answers("metrics"),
                beside: dependencies,
                coverage: interview.coverage(of: "metrics"),
                at: now
            )
            + ClockFindings.findings(ground.hosts, interview, at: now)
    }
}
