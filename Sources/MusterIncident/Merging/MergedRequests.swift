import MusterCore

/// Requests of many hosts per endpoint: counts are summed and sketches merged, which loses nothing.
package struct MergedRequests: Sendable, Codable {
    /// Most errors first, then most requests.
    package var endpoints: [MergedEndpoint] = []
    /// What every host that answered has data for; nil when there is no such time.
    package var covered: TimeWindow?
    package var unparsed = 0
    /// Share of the counted requests whose users were counted too, 0 to 1.
    package var usersCovered = 0.0
    /// The coarsest step in which a host counts requests of this window, in seconds.
    package var stepSeconds = 1
    /// Hosts that did not look at every line, with the whole time of it and its largest rate; at most 100.
    package var sampled: [SampledHost] = []
    /// Networks that the requests came from.
    package var clients = FrequentClients()
    /// Endpoints that were left out because of the bound.
    package var dropped = 0

    init(_ replies: [HostReply], rowsMax: Int) {
        let folding = EndpointFolding(replies)
        var endpoints: [EndpointKey: MergedEndpoint] = [:]
        var windows: [TimeWindow] = []
        var (counted, withUsers) = (0.0, 0.0)
        for reply in replies {
            guard case .requests(let answer)? = reply.answer else { continue }
            unparsed = unparsed.saturatingAdd(answer.unparsed)
            windows.append(answer.covered)
            let requests = answer.endpoints.reduce(0.0) { $0 + Double($1.count) }
            counted += requests
            withUsers += requests * answer.usersCovered
            clients.merge(answer.clients)
            stepSeconds = max(stepSeconds, answer.stepSeconds)
            if let all = SampledHost(answer.sampled, of: reply.host), sampled.count < 100 {
                sampled.append(all)
            }
            for endpoint in answer.endpoints {
                let key = folding.key(of: endpoint)
                endpoints[key, default: MergedEndpoint(key)].add(endpoint, from: reply.host)
            }
        }
        if let from = windows.map(\.from).max(), let to = windows.map(\.to).min(), from < to {
            covered = TimeWindow(from: from, to: to)
        }
        if counted > 0 { usersCovered = min(1, withUsers / counted) }
        let ranked = endpoints.values.map { $0.sorted() }.sorted { left, right in
            let (a, b) = (left.total, right.total)
            if a.errors != b.errors { return a.errors > b.errors }
            if a.count != b.count { return a.count > b.count }
            return (a.service, a.path, a.method) < (b.service, b.path, b.method)
        }
        self.endpoints = Array(ranked.prefix(rowsMax))
        self.dropped = ranked.count - self.endpoints.count
    }

    struct EndpointKey: Hashable {
        let service: String
        let method: String
        let path: String

        init(_ endpoint: EndpointRequests) {
            service = endpoint.service
            method = endpoint.method
            path = endpoint.path
        }
    }
}

/// One endpoint over all hosts that serve it.
package struct MergedEndpoint: Sendable, Codable {
    package var total: EndpointRequests
    /// By host name.
    package var hosts: [HostRequests]

    init(_ key: MergedRequests.EndpointKey) {
        self.total = EndpointRequests(service: key.service, method: key.method, path: key.path)
        self.hosts = []
    }

    mutating func add(_ more: EndpointRequests, from host: HostReference) {
        total.isLearnt = total.isLearnt || more.isLearnt
        total.count = total.count.saturatingAdd(more.count)
        total.errors = total.errors.saturatingAdd(more.errors)
        total.clientErrors = total.clientErrors.saturatingAdd(more.clientErrors)
        total.countVariance += more.countVariance
        total.errorsVariance += more.errorsVariance
        total.latency.merge(more.latency)
        for one in more.classes { add(one) }
        total.users.merge(more.users)
        total.usersFailed.merge(more.usersFailed)
        total.buckets += more.buckets
        // Two of a host's paths may be one endpoint to the fleet.
        if let last = hosts.indices.last, hosts[last].host == host {
            hosts[last].count = hosts[last].count.saturatingAdd(more.count)
            hosts[last].errors = hosts[last].errors.saturatingAdd(more.errors)
        } else {
            hosts.append(HostRequests(host: host, count: more.count, errors: more.errors))
        }
    }

    private mutating func add(_ more: StatusClassRequests) {
        if let known = total.classes.firstIndex(where: { $0.statusClass == more.statusClass }) {
            total.classes[known].count = total.classes[known].count.saturatingAdd(more.count)
            total.classes[known].latency.merge(more.latency)
        } else {
            let place = total.classes.firstIndex { $0.statusClass > more.statusClass } ?? total.classes.count
            total.classes.insert(more, at: place)
        }
    }

    /// Buckets of one moment added up, oldest first.
    func sorted() -> MergedEndpoint {
        var sums: [Timestamp: RequestBucket] = [:]
        for bucket in total.buckets {
            var sum = sums[bucket.from] ?? RequestBucket(from: bucket.from, count: 0, errors: 0)
            sum.count = sum.count.saturatingAdd(bucket.count)
            sum.errors = sum.errors.saturatingAdd(bucket.errors)
            sums[bucket.from] = sum
        }
        var result = self
        result.total.buckets = sums.values.sorted { $0.from < $1.from }
        return result
    }
}

/// Requests of one endpoint on one host.
package struct HostRequests: Hashable, Sendable, Codable {
    package var host: HostReference
    package var count: Int
    package var errors: Int

    package init(host: HostReference, count: Int, errors: Int) {
        self.host = host
        self.count = count
        self.errors = errors
    }
}

/// A host that did not look at every line of its logs.
package struct SampledHost: Hashable, Sendable, Codable {
    package var host: HostReference
    package var sampled: SampledStretch

    /// From the first to the last of its stretches; nil when there are none.
    init?(_ stretches: [SampledStretch], of host: HostReference) {
        guard let from = stretches.map(\.window.from).min(), let to = stretches.map(\.window.to).max(),
            let every = stretches.map(\.every).max()
        else { return nil }
        self.host = host
        self.sampled = SampledStretch(window: TimeWindow(from: from, to: to), every: every)
    }
}
