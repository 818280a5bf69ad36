/// What is wrong, as a kind.
package enum CauseKind: String, Sendable, Codable, CaseIterable {
    case badDeploy = "bad-deploy"
    case badConfig = "bad-config"
    case flag
    case poolExhausted = "pool-exhausted"
    /// A statement waits for a lock that another one holds.
    case lockWait = "lock-wait"
    case slowQuery = "slow-query"
    /// It refuses connections, or nothing listens there.
    case dependencyDown = "dependency-down"
    /// It accepts connections and never answers.
    case dependencyHung = "dependency-hung"
    case cpu
    /// Another process on the same host takes what this one needs.
    case noisyNeighbour = "noisy-neighbour"
    case memory
    case oomKill = "oom-kill"
    case disk
    case io
    case fileDescriptors = "file-descriptors"
    /// Partition, resets, no route.
    case network
    case networkDelay = "network-delay"
    case networkLoss = "network-loss"
    case dns
    case certificate
    case clockSkew = "clock-skew"
    case trafficSurge = "traffic-surge"
    case logFlood = "log-flood"
    /// A service fails or is slow by itself, and what was seen does not say why.
    case defect
    case unknown
}

/// How sure Muster is, in one word.
package enum Verdict: String, Sendable, Codable {
    /// A cause with a strong record of evidence and enough of the fleet behind it.
    case known
    /// One cause stands out.
    case likely
    /// Nothing stands out, or too little was seen.
    case unknown
    /// Unlike anything seen before; automatic action is off.
    case novel
}

/// A possible cause with what speaks for and against it.
package struct Hypothesis: Hashable, Sendable, Codable {
    package var kind: CauseKind
    /// One sentence: `deploy #4521 by sarah on web-2 (shop 4520 -> 4521)`.
    package var cause: String
    package var hosts: [HostReference]
    package var service: String
    package var change: Change?
    /// 0 to 1; of all hypotheses and "none of these" together 1.
    package var probability: Double
    /// Findings that speak for it and against it, strongest first.
    package var evidence: [FindingID]
    package var against: [FindingID]

    package init(
        kind: CauseKind,
        cause: String,
        hosts: [HostReference],
        service: String,
        change: Change?,
        probability: Double,
        evidence: [FindingID],
        against: [FindingID]
    ) {
        self.kind = kind
        self.cause = cause
        self.hosts = hosts
        self.service = service
        self.change = change
        self.probability = probability
        self.evidence = evidence
        self.against = against
    }
}

/// The ranked answer to "what is it?".
package struct Ranking: Hashable, Sendable, Codable {
    package var verdict: Verdict
    /// Most probable first.
    package var hypotheses: [Hypothesis]
    /// Who was asked and who answered, over all questions.
    package var coverage: Coverage
    /// What was not seen, one sentence each.
    package var unseen: [String]

    package init(verdict: Verdict, hypotheses: [Hypothesis], coverage: Coverage, unseen: [String]) {
        self.verdict = verdict
        self.hypotheses = hypotheses
        self.coverage = coverage
        self.unseen = unseen
    }
}

/// Who is hurt, and how badly.
package struct BlastRadius: Hashable, Sendable, Codable {
    /// `GET /api/checkout`; empty when all requests of the service are meant.
    package var endpoint: String
    package var service: String
    package var window: TimeWindow
    package var requests: Int
    package var failed: Int
    /// Distinct users who met an error; nil when no log names users.
    package var users: Double?
    /// Bounds of the failed share, at 95%, from 0 to 1: Wilson's interval, widened by hosts that did not answer.
    package var low: Double
    package var high: Double
    package var coverage: Coverage
    /// Failed requests over all hosts of the service, also those that did not answer; nil in old records.
    package var failedInAll: EstimatedValue?
    /// Users over all hosts; nil when no log names users, and in old records.
    package var usersInAll: EstimatedValue?
    /// The largest number of log lines that one stood for on any host; nil when every line was looked at.
    package var sampledEvery: Int?

    package init(
        endpoint: String,
        service: String,
        window: TimeWindow,
        requests: Int,
        failed: Int,
        users: Double?,
        low: Double,
        high: Double,
        coverage: Coverage
    ) {
        self.endpoint = endpoint
        self.service = service
        self.window = window
        self.requests = requests
        self.failed = failed
        self.users = users
        self.low = low
        self.high = high
        self.coverage = coverage
    }

    /// Failed requests among all, 0 to 1.
    package var ratio: Double { requests == 0 ? 0 : Double(failed) / Double(requests) }
}
