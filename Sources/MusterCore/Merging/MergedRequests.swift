/// Requests of many hosts per endpoint: counts are summed and sketches merged, which loses nothing.
package struct MergedRequests: Sendable, Codable {
    /// Most errors first, then most requests.
    package var endpoints: [MergedEndpoint] = []
    /// What every host that answered has data for; nil when there is no such time.
    package var covered: TimeWindow?
    package var unparsed = 0
    /// Endpoints that were left out because of the bound.
    package var dropped = 0

    init(_ replies: [HostReply], rowsMax: Int) {
        var endpoints: [EndpointKey: MergedEndpoint] = [:]
        var windows: [TimeWindow] = []
        for reply in replies {
            guard case .requests(let answer)? = reply.answer else { continue }
            unparsed = unparsed.saturatingAdd(answer.unparsed)
            windows.append(answer.covered)
            for endpoint in answer.endpoints {
                let key = EndpointKey(
                    service: endpoint.service,
                    method: endpoint.method,
                    path: endpoint.path
                )
                endpoints[key, default: MergedEndpoint(key)].add(endpoint, from: reply.host)
            }
        }
        if let from = windows.map(\.from).max(), let to = windows.map(\.to).min(), from < to {
            covered = TimeWindow(from: from, to: to)
        }
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
        total.count = total.count.saturatingAdd(more.count)
        total.errors = total.errors.saturatingAdd(more.errors)
        total.clientErrors = total.clientErrors.saturatingAdd(more.clientErrors)
        total.latency.merge(more.latency)
        total.users.merge(more.users)
        total.usersFailed.merge(more.usersFailed)
        total.buckets += more.buckets
        hosts.append(HostRequests(host: host, count: more.count, errors: more.errors))
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
