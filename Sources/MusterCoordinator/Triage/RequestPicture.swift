import MusterAnalysis
import MusterCause
import MusterCore
import MusterIncident

/// What the requests of many hosts say together: onset, who is hurt, which hosts are sick.
struct RequestPicture: Sendable {
    private let before: [MergedEndpoint]
    private let after: [MergedEndpoint]
    private let replies: (before: FleetReply?, after: FleetReply?)
    /// Since the onset.
    let window: TimeWindow
    private let coverage: Coverage
    private let usersCovered: Double
    private let sampledEvery: Int?

    /// `before` and `after` are the replies for the time before the onset and since then.
    init(before: FleetReply?, after: FleetReply?, window: TimeWindow) {
        self.before = Self.merged(before)?.endpoints ?? []
        let merged = Self.merged(after)
        self.after = merged?.endpoints ?? []
        self.usersCovered = merged?.usersCovered ?? 0
        self.sampledEvery = merged?.sampled.map(\.sampled.every).max()
        self.window = window
        self.replies = (before, after)
        self.coverage = after?.coverage ?? Coverage()
    }

    /// Requests of all replies merged; nil when nobody was asked.
    static func merged(_ reply: FleetReply?) -> MergedRequests? {
        guard let reply,
            case .requests(let merged) = MergedAnswer(reply.replies, probe: reply.probe, rowsMax: 1024)
        else { return nil }
        return merged
    }

    /// The endpoint's rise in failed requests that stands out most, with its moment; nil when there is none.
    static func onset(
        in requests: MergedRequests,
        service: String
    ) -> (at: Timestamp, shift: ProportionShift)? {
        var best: (at: Timestamp, shift: ProportionShift)?
        for endpoint in requests.endpoints where Self.belongs(endpoint, to: service) {
            let buckets = endpoint.total.buckets
            guard let shift = ProportionShift.rise(in: buckets), shift.score > best?.shift.score ?? 0 else {
                continue
            }
            best = (buckets[shift.index].from, shift)
        }
        return best
    }

    private static func belongs(_ endpoint: MergedEndpoint, to service: String) -> Bool {
        service.isEmpty || endpoint.total.service.isEmpty || endpoint.total.service == service
    }

    /// Endpoints of the service, or all when it has none of its own.
    private func endpoints(of requests: [MergedEndpoint], _ service: String) -> [MergedEndpoint] {
        let own = requests.filter { Self.belongs($0, to: service) }
        return own.isEmpty ? requests : own
    }

    /// Each endpoint since the onset; the largest rise of the failed share first.
    func health(of service: String) -> [EndpointHealth] {
        let old = Dictionary(
            before.map { (Self.key($0), $0.total) },
            uniquingKeysWith: { first, _ in first }
        )
        let rows = endpoints(of: after, service).map { endpoint in
            let total = endpoint.total
            let past = old[Self.key(endpoint)]
            return EndpointHealth(
                service: total.service,
                endpoint: "\(total.method) \(total.path)",
                requests: total.count,
                errors: total.errors,
                errorRatioBefore: past.flatMap { $0.count > 0 ? Double($0.errors) / Double($0.count) : nil },
                p50: total.latency.quantile(0.5),
                p95: total.latency.quantile(0.95),
                p99: total.latency.quantile(0.99)
            )
        }
        let sorted = rows.sorted { ($0.rise, $0.requests, $1.endpoint) > ($1.rise, $1.requests, $0.endpoint) }
        return Array(sorted.prefix(20))
    }

    /// How much worse a service is than before, over all its endpoints: seconds that its requests took longer, and requests
    /// that failed beyond what was usual.
    func excess(of service: String) -> (seconds: Double, failures: Double) {
        let old = Dictionary(before.map { (Self.key($0), $0.total) }, uniquingKeysWith: { first, _ in first })
        var (seconds, failures) = (0.0, 0.0)
        for endpoint in after where Self.belongs(endpoint, to: service) {
            let total = endpoint.total
            guard let past = old[Self.key(endpoint)], past.count > 0 else { continue }
            failures += Double(total.errors) - Double(past.errors) / Double(past.count) * Double(total.count)
            // The mean over the deciles stands for the mean: a sketch has no sum.
            let deciles = stride(from: 0.05, to: 1, by: 0.1)
            let longer = deciles.reduce(0) { sum, q in
                guard let new = total.latency.quantile(q), let usual = past.latency.quantile(q) else {
                    return sum
                }
                return sum + (new - usual) / 10
            }
            seconds += longer / 1000 * Double(total.count)
        }
        return (max(0, seconds), max(0, failures))
    }

    /// Services whose requests were seen in either window, with the hosts that served them since.
    var services: [(service: String, hosts: Set<AgentID>, before: Int, since: Int)] {
        var found: [String: (hosts: Set<AgentID>, before: Int, since: Int)] = [:]
        for total in before.map(\.total) where !total.service.isEmpty {
            let known = found[total.service] ?? ([], 0, 0)
            found[total.service] = (known.hosts, known.before.saturatingAdd(total.count), known.since)
        }
        for endpoint in after where !endpoint.total.service.isEmpty {
            let known = found[endpoint.total.service] ?? ([], 0, 0)
            found[endpoint.total.service] = (
                known.hosts.union(endpoint.hosts.map(\.host.id)), known.before,
                known.since.saturatingAdd(endpoint.total.count)
            )
        }
        return found.sorted { $0.key < $1.key }.map {
            ($0.key, $0.value.hosts, $0.value.before, $0.value.since)
        }
    }

    /// Who is hurt at the endpoint with the largest rise; nil when no requests were seen.
    func blast(of service: String) -> BlastRadius? {
        guard let worst = health(of: service).first(where: { $0.requests > 0 }),
            let endpoint = endpoints(of: after, service).first(where: {
                "\($0.total.method) \($0.total.path)" == worst.endpoint && $0.total.service == worst.service
            })
        else { return nil }
        let total = endpoint.total
        // Lines that stood for others count as the fewer that they are.
        let count = Double(total.count)
        let trials = Int(count * count / (count + total.countVariance))
        let interval = WilsonInterval(successes: Int(Double(trials) * worst.errorRatio), trials: trials)
        // A host that did not answer may have failed none of its requests or all of them.
        let seen = coverage.ratio
        var blast = BlastRadius(
            endpoint: worst.endpoint,
            service: total.service,
            window: window,
            requests: total.count,
            failed: total.errors,
            users: total.users.isEmpty ? nil : total.usersFailed.estimate,
            low: interval.low * seen,
            high: interval.high * seen + (1 - seen),
            coverage: coverage
        )
        // Hosts that answered and served none of these requests failed none.
        let idle = max(0, coverage.answered - endpoint.hosts.count)
        blast.failedInAll = FleetEstimate.total(
            endpoint.hosts.map(\.errors) + Array(repeating: 0, count: idle),
            variance: total.errorsVariance,
            asked: coverage.asked
        )
        blast.usersInAll = blast.users.map {
            FleetEstimate.users(
                $0,
                // An agent that does not tell the share counted the users of all requests.
                covered: usersCovered > 0 ? usersCovered : 1,
                answered: coverage.answered,
                asked: coverage.asked
            )
        }
        blast.sampledEvery = sampledEvery
        return blast
    }

    /// Latency in milliseconds at a quantile, before and after; nil without requests on either side.
    func latency(_ quantile: Double, of endpoint: EndpointHealth) -> (before: Double, after: Double)? {
        func value(_ requests: [MergedEndpoint]) -> Double? {
            requests.first {
                $0.total.service == endpoint.service
                    && "\($0.total.method) \($0.total.path)" == endpoint.endpoint && $0.total.count >= 20
            }?.total.latency.quantile(quantile)
        }
        guard let old = value(before), let new = value(after) else { return nil }
        return (old, new)
    }

    /// Hosts that answer far more slowly than all did before, and not only a little beside the slowest, with the words for it.
    func slowHosts(of service: String) -> [HostReference: String] {
        var worst: (endpoint: EndpointHealth, before: Double, after: Double)?
        for endpoint in health(of: service) {
            guard let values = latency(0.95, of: endpoint),
                values.after >= values.before * LatencyOnset.factorMin,
                values.after - values.before >= LatencyOnset.millisecondsMin, values.after > worst?.after ?? 0
            else { continue }
            worst = (endpoint, values.before, values.after)
        }
        guard let worst else { return [:] }
        var times: [HostReference: Double] = [:]
        for reply in replies.after?.replies ?? [] {
            guard case .requests(let answer)? = reply.answer else { continue }
            let own = answer.endpoints.first {
                $0.service == worst.endpoint.service && "\($0.method) \($0.path)" == worst.endpoint.endpoint
            }
            if let own, own.count >= HostTable.requestsMin { times[reply.host] = own.latency.quantile(0.95) }
        }
        let most = times.values.max() ?? 0
        return times.filter { _, time in
            time >= worst.before * LatencyOnset.factorMin
                && time - worst.before >= LatencyOnset.millisecondsMin
                && time > most / 4
        }.mapValues {
            "95% of \(worst.endpoint.endpoint) take up to \($0.text(decimals: 0)) ms, before it was "
                + "\(worst.before.text(decimals: 0)) ms"
        }
    }

    /// Requests of the service per second, before and after; nil when a host that answered now has no past.
    ///
    /// Each host counts over the time that its logs reach back to: where nothing was written yet, nothing is
    /// known, and that is not the same as no requests.
    func rates(of service: String) -> (before: Double, after: Double)? {
        guard let old = rate(of: service, in: replies.before), let new = rate(of: service, in: replies.after)
        else { return nil }
        return (old, new)
    }

    /// Least time that a rate can be told from.
    private static let rateSpanMin = 5.0

    private func rate(of service: String, in reply: FleetReply?) -> Double? {
        var sum: Double?
        for one in reply?.replies ?? [] {
            guard case .requests(let answer)? = one.answer else { continue }
            let count = answer.endpoints.filter {
                service.isEmpty || $0.service.isEmpty || $0.service == service
            }.reduce(0) { $0.saturatingAdd($1.count) }
            let seconds = (answer.covered.to - answer.covered.from).inSeconds
            guard seconds >= Self.rateSpanMin else { return nil }
            sum = (sum ?? 0) + Double(count) / seconds
        }
        return sum
    }

    /// Requests and errors of each host at the worst endpoint, else over all of the service.
    func perHost(of service: String) -> [HostRequests] {
        var sums: [HostReference: HostRequests] = [:]
        let all = endpoints(of: after, service)
        let worst = blast(of: service).map(\.endpoint)
        for endpoint in all where worst == nil || "\(endpoint.total.method) \(endpoint.total.path)" == worst {
            for row in endpoint.hosts {
                let sum = sums[row.host] ?? HostRequests(host: row.host, count: 0, errors: 0)
                sums[row.host] = HostRequests(
                    host: row.host,
                    count: sum.count.saturatingAdd(row.count),
                    errors: sum.errors.saturatingAdd(row.errors)
                )
            }
        }
        return sums.values.sorted { $0.host < $1.host }
    }

    private static func key(_ endpoint: MergedEndpoint) -> String {
        "\(endpoint.total.service) \(endpoint.total.method) \(endpoint.total.path)"
    }
}
