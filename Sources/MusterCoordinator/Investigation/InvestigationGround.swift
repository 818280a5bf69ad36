import MusterCause
import MusterCore
import MusterIncident

/// Whom a round of an investigation may ask, where they are seen from the service in trouble, and over which time.
struct InvestigationGround: Sendable {
    let hosts: [FleetHost]
    /// Who is asked what looks for whatever there is.
    let regions: [Belief.Region: [FleetHost]]
    /// The hosts of the service itself, also where they are not asked everything again.
    let near: [FleetHost]
    /// Of all hosts that are looked at, also those that this round does not ask.
    private let regionOf: [AgentID: Belief.Region]
    let changes: TimeWindow
    let logs: TimeWindow
    let metrics: TimeWindow
    /// Until the onset and since then.
    let requests: (before: TimeWindow, since: TimeWindow)
    let level: LogLevel

    /// The first round asks those that triage left out, later ones everybody and more; `related` are hosts of what the
    /// service is known to depend on.
    init(
        _ incident: Incident,
        context: IncidentContext,
        round: Int,
        hosts: [FleetHost],
        related: Set<AgentID>,
        changeWindow: Duration,
        now: Timestamp
    ) {
        let far = FarEnds(hosts: hosts)
        let ends = Set(context.dependencies.compactMap { far.host(of: $0.target)?.id })
        let scope = Scope(incident: incident, hosts: hosts, related: related.union(ends))
        self.hosts = hosts
        near = scope.near
        var regions: [Belief.Region: [FleetHost]] = [:]
        var regionOf: [AgentID: Belief.Region] = [:]
        for host in scope.near { regionOf[host.id] = .service }
        for host in scope.far {
            let region: Belief.Region = related.contains(host.id) || ends.contains(host.id) ? .related : .rest
            regionOf[host.id] = region
            regions[region, default: []].append(host)
        }
        if round > 1 { regions[.service] = scope.near }
        self.regions = regions
        self.regionOf = regionOf
        let end = now + .seconds(1)
        changes = TimeWindow(from: end - changeWindow, to: end)
        logs = TimeWindow(from: end - Triage.lookBack, to: end)
        metrics = TimeWindow(from: end - .seconds(60), to: end)
        // Where nothing rose the alert itself is the onset: the last minute tells more.
        let onset = min(context.onset, now - Triage.wellFor / 4)
        requests = (
            TimeWindow(from: onset - Triage.lookBack, to: onset), TimeWindow(from: onset, to: end)
        )
        level = round == 1 ? .error : .warning
    }

    /// Where most of a hypothesis' hosts are; with the service when it names none.
    func region(of hypothesis: Hypothesis) -> Belief.Region {
        var counts: [Belief.Region: Int] = [:]
        for host in hypothesis.hosts { counts[regionOf[host.id] ?? .rest, default: 0] += 1 }
        return counts.max { ($0.value, $1.key.rawValue) < ($1.value, $0.key.rawValue) }?.key ?? .service
    }
}
