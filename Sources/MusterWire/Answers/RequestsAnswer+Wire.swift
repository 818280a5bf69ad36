import FoundationEssentials
import MusterCore

extension WireRequestsAnswer {
    init(_ answer: RequestsAnswer) {
        self.init()
        endpoints = answer.endpoints.map { WireEndpointRequests($0) }
        coveredFromNs = answer.covered.from.nanoseconds
        coveredToNs = answer.covered.to.nanoseconds
        unparsed = Fields.count(answer.unparsed)
        usersCovered = answer.usersCovered
        stepSeconds = Fields.small(answer.stepSeconds)
        clients = answer.clients.top.map { client in
            .with {
                $0.network = client.network
                $0.count = Fields.count(client.count)
                $0.errors = Fields.count(client.errors)
            }
        }
        clientsMissed = Fields.count(answer.clients.missedInTop)
        sampled = answer.sampled.map { stretch in
            .with {
                $0.fromNs = stretch.window.from.nanoseconds
                $0.toNs = stretch.window.to.nanoseconds
                $0.every = Fields.small(stretch.every)
            }
        }
    }
}

extension WireEndpointRequests {
    init(_ endpoint: EndpointRequests) {
        self.init()
        service = endpoint.service
        method = endpoint.method
        path = endpoint.path
        learnt = endpoint.isLearnt
        count = Fields.count(endpoint.count)
        errors = Fields.count(endpoint.errors)
        clientErrors = Fields.count(endpoint.clientErrors)
        if !endpoint.latency.isEmpty { latency = Data(endpoint.latency.bytes) }
        if !endpoint.users.isEmpty { users = Data(endpoint.users.bytes) }
        if !endpoint.usersFailed.isEmpty { usersFailed = Data(endpoint.usersFailed.bytes) }
        buckets = endpoint.buckets.map {
            var bucket = WireRequestBucket()
            bucket.fromNs = $0.from.nanoseconds
            bucket.count = Fields.count($0.count)
            bucket.errors = Fields.count($0.errors)
            return bucket
        }
        classes = endpoint.classes.map { one in
            .with {
                $0.statusClass = Fields.small(one.statusClass)
                $0.count = Fields.count(one.count)
                if !one.latency.isEmpty { $0.latency = Data(one.latency.bytes) }
            }
        }
        countVariance = endpoint.countVariance
        errorsVariance = endpoint.errorsVariance
    }
}

extension RequestsAnswer {
    init(_ wire: WireRequestsAnswer) throws(WireError) {
        self.init()
        for endpoint in wire.endpoints { endpoints.append(try EndpointRequests(endpoint)) }
        covered = TimeWindow(
            from: Fields.time(wire.coveredFromNs),
            to: Fields.time(wire.coveredToNs)
        )
        unparsed = Fields.count(wire.unparsed)
        usersCovered = min(1, max(0, Fields.finite(wire.usersCovered)))
        stepSeconds = max(1, Int(wire.stepSeconds))
        try Fields.check(wire.clients.count, max: FrequentClients.toldMax, "clients")
        clients = FrequentClients(
            wire.clients.map {
                FrequentClients.Count(
                    network: $0.network,
                    count: Fields.count($0.count),
                    errors: Fields.count($0.errors)
                )
            },
            missed: Fields.count(wire.clientsMissed)
        )
        try Fields.check(wire.sampled.count, max: 64, "sampled")
        sampled = wire.sampled.map {
            SampledStretch(
                window: TimeWindow(from: Fields.time($0.fromNs), to: Fields.time($0.toNs)),
                every: max(2, Int($0.every))
            )
        }
    }
}

extension EndpointRequests {
    init(_ wire: WireEndpointRequests) throws(WireError) {
        self.init(service: wire.service, method: wire.method, path: wire.path)
        isLearnt = wire.learnt
        count = Fields.count(wire.count)
        errors = Fields.count(wire.errors)
        clientErrors = Fields.count(wire.clientErrors)
        countVariance = max(0, Fields.finite(wire.countVariance))
        errorsVariance = max(0, Fields.finite(wire.errorsVariance))
        latency = try Self.quantiles(wire.latency, of: wire.path)
        try Fields.check(wire.classes.count, max: 5, "classes")
        for one in wire.classes {
            guard (1...5).contains(one.statusClass) else {
                throw WireError(.malformed, "status class \(one.statusClass) is none from 1 to 5")
            }
            classes.append(
                StatusClassRequests(
                    statusClass: Int(one.statusClass),
                    count: Fields.count(one.count),
                    latency: try Self.quantiles(one.latency, of: wire.path)
                )
            )
        }
        users = try Self.distinct(wire.users, of: wire.path)
        usersFailed = try Self.distinct(wire.usersFailed, of: wire.path)
        buckets = wire.buckets.map {
            RequestBucket(
                from: Fields.time($0.fromNs),
                count: Fields.count($0.count),
                errors: Fields.count($0.errors)
            )
        }
    }

    private static func quantiles(_ bytes: Data, of path: String) throws(WireError) -> QuantileSketch {
        guard !bytes.isEmpty else { return QuantileSketch() }
        guard let sketch = QuantileSketch(bytes: Array(bytes)) else {
            throw WireError(.malformed, "the latency sketch of \(path.prefix(64)) can't be read")
        }
        return sketch
    }

    private static func distinct(_ bytes: Data, of path: String) throws(WireError) -> DistinctSketch {
        guard !bytes.isEmpty else { return DistinctSketch() }
        guard let sketch = DistinctSketch(bytes: Array(bytes)) else {
            throw WireError(.malformed, "a sketch of users of \(path.prefix(64)) can't be read")
        }
        return sketch
    }
}
