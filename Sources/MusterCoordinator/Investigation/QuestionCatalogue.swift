import MusterCause
import MusterCore
import MusterIncident

/// All questions that an investigation can ask, with what each can tell and what it takes.
///
/// How often an answer shows what is there is judgement. What it takes of a host follows the CPU time of an agent, seen on a
/// host with a minute of metrics and ten of logs: a third of a millisecond for dependencies and changes, which are in
/// memory, 2 for metrics, 10 for sockets, 40 for the lines of logs. A statement keeps a database at work that people wait
/// for, and counts for more than it takes.
struct QuestionCatalogue: Sendable {
    /// A question as it is weighed and as it is asked.
    struct Entry: Sendable {
        let prospect: Prospect
        let items: [Interview.Item]
        let deadline: Duration
    }

    /// How long questions may take on each host, and those that look closer.
    static let deadline = Duration.milliseconds(1800)
    static let closerDeadline = Duration.milliseconds(900)

    let ground: InvestigationGround

    /// What can still be asked after what was: first what looks for anything, then what looks closer.
    func entries(after interview: Interview) -> [Entry] {
        broad(after: interview) + ports(after: interview) + closer(after: interview)
    }

    // MARK: Looking for whatever there is

    private struct Kind {
        let name: String
        let costPerHost: Double
        let tells: [CauseKind: Double]
        let items: @Sendable (InvestigationGround, [AgentID]) -> [Interview.Item]
    }

    private static let kinds: [Kind] = [
        Kind(
            name: "dependencies",
            costPerHost: 1,
            tells: [
                .dependencyDown: 0.9, .dependencyHung: 0.9, .poolExhausted: 0.9, .lockWait: 0.9, .dns: 0.9,
                .certificate: 0.9, .network: 0.8, .networkDelay: 0.8, .slowQuery: 0.7, .networkLoss: 0.5,
                .defect: 0.4,
            ],
            items: { _, ids in [.init("dependencies", .dependencies(name: ""), of: ids)] }
        ),
        Kind(
            name: "changes",
            costPerHost: 1,
            tells: [.badDeploy: 0.9, .flag: 0.9, .badConfig: 0.7],
            items: { ground, ids in
                [.init("changes", .changes(window: ground.changes, service: ""), of: ids)]
            }
        ),
        Kind(
            name: "metrics",
            costPerHost: 5,
            tells: [
                .cpu: 0.9, .memory: 0.9, .oomKill: 0.9, .disk: 0.9, .fileDescriptors: 0.9, .io: 0.8,
                .noisyNeighbour: 0.8, .logFlood: 0.8, .networkLoss: 0.6, .network: 0.4,
            ],
            items: { ground, ids in
                [.init("metrics", .metrics(window: ground.metrics, prefix: ""), of: ids)]
            }
        ),
        Kind(
            name: "requests",
            costPerHost: 5,
            tells: [.defect: 0.7, .trafficSurge: 0.7],
            items: { ground, ids in
                func counts(_ window: TimeWindow) -> Probe {
                    .requests(window: window, service: "", salt: [], bucketSeconds: 0)
                }
                return [
                    .init("requests before", counts(ground.requests.before), of: ids),
                    .init("requests since", counts(ground.requests.since), of: ids),
                ]
            }
        ),
        Kind(
            name: "error logs",
            costPerHost: 100,
            tells: [
                .oomKill: 0.5, .disk: 0.5, .fileDescriptors: 0.5, .dns: 0.5, .certificate: 0.5,
                .clockSkew: 0.5, .poolExhausted: 0.5, .dependencyDown: 0.5, .defect: 0.5, .network: 0.4,
                .badConfig: 0.3,
            ],
            items: { ground, ids in
                let probe = Probe.logs(window: ground.logs, service: "", level: ground.level, text: "")
                return [.init("error logs", probe, of: ids)]
            }
        ),
    ]

    private func broad(after interview: Interview) -> [Entry] {
        Belief.Region.allCases.flatMap { region -> [Entry] in
            guard let hosts = ground.regions[region], !hosts.isEmpty else { return [] }
            return Self.kinds.compactMap { kind in
                let items = kind.items(ground, hosts.map(\.id)).map { interview.unasked($0) }
                let left = items.map(\.hosts.count).max() ?? 0
                guard left > 0 else { return nil }
                let prospect = Prospect(
                    kind.name,
                    regions: [region],
                    hosts: left,
                    costPerHost: kind.costPerHost,
                    tells: kind.tells
                )
                return Entry(prospect: prospect, items: items, deadline: Self.deadline)
            }
        }
    }

    /// Whether what listened lately still does, on the service's own hosts too: triage did not ask that.
    private func ports(after interview: Interview) -> [Entry] {
        Belief.Region.allCases.compactMap { region in
            let hosts = region == .service ? ground.near : ground.regions[region] ?? []
            let item = interview.unasked(
                .init("listening ports", .sockets(port: 0), of: hosts.map(\.id), counts: false)
            )
            guard !item.hosts.isEmpty else { return nil }
            let prospect = Prospect(
                item.name,
                regions: [region],
                hosts: item.hosts.count,
                costPerHost: 30,
                tells: [.dependencyDown: 0.9]
            )
            return Entry(prospect: prospect, items: [item], deadline: Self.closerDeadline)
        }
    }

    // MARK: Looking closer

    private func closer(after interview: Interview) -> [Entry] {
        let seen = interview.answers("dependencies")
        let ends = DependencyFindings.farEnds(of: seen, in: FarEnds(hosts: ground.hosts)).map(\.id)
        let down: [CauseKind: Double] = [.dependencyDown: 0.9, .dependencyHung: 0.9, .network: 0.7]
        var entries = [
            entry(
                "sockets",
                30,
                down,
                [.init("sockets", .sockets(port: 0), of: ends, counts: false)],
                interview
            ),
            entry(
                "processes",
                35,
                [.cpu: 0.9, .noisyNeighbour: 0.9],
                ProcessFindings.questions(HostMetrics.read(interview)),
                interview
            ),
            entry(
                "metrics of the other end",
                5,
                [.networkLoss: 0.8],
                [.init("metrics", .metrics(window: ground.metrics, prefix: ""), of: ends)],
                interview
            ),
        ]
        entries += DatabaseActivity.questions(DependencyFindings.databases(of: seen)).map {
            entry($0.name, 100, [.lockWait: 0.9, .slowQuery: 0.9, .poolExhausted: 0.5], [$0], interview)
        }
        return entries.compactMap(\.self)
    }

    /// Nil when everybody was asked already.
    private func entry(
        _ name: String,
        _ costPerHost: Double,
        _ tells: [CauseKind: Double],
        _ items: [Interview.Item],
        _ interview: Interview
    ) -> Entry? {
        let items = items.map { interview.unasked($0) }
        let hosts = items.map(\.hosts.count).max() ?? 0
        guard hosts > 0 else { return nil }
        let prospect = Prospect(
            name,
            regions: Set(Belief.Region.allCases),
            hosts: hosts,
            costPerHost: costPerHost,
            tells: tells,
            isCloser: true
        )
        return Entry(prospect: prospect, items: items, deadline: Self.closerDeadline)
    }
}

extension QuestionChoice.Choice {
    /// As it stands in the record of the incident.
    func recorded(_ belief: Belief) -> Inquiry.Question {
        Inquiry.Question(
            name: prospect.name,
            hosts: prospect.hosts,
            bits: bits.rounded(toPlaces: 4),
            cost: prospect.cost,
            purpose: purpose(belief)
        )
    }

    /// `tells dependency-down from network`, or where it looks.
    private func purpose(_ belief: Belief) -> String {
        guard prospect.isCloser else {
            let places = prospect.regions.map(\.spoken).sorted()
            return "looks \(places.joined(separator: " and "))"
        }
        var odds: [CauseKind: Double] = [:]
        for cause in belief.causes where cause.isRanked && prospect.tells[cause.kind] != nil {
            odds[cause.kind, default: 0] += cause.probability
        }
        let kinds = odds.sorted { ($0.value, $1.key.rawValue) > ($1.value, $0.key.rawValue) }.prefix(3)
            .map(\.key.rawValue)
        return kinds.isEmpty ? "" : "tells \(kinds.joined(separator: " from "))"
    }
}

extension Belief.Region {
    fileprivate var spoken: String {
        switch self {
        case .service: "at the service again"
        case .related: "at what it depends on"
        case .rest: "at the rest of the fleet"
        }
    }
}
