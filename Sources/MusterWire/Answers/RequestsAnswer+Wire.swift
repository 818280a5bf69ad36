import FoundationEssentials
import MusterCore

extension WireRequestsAnswer {
    init(_ answer: RequestsAnswer) {
        self.init()
        endpoints = answer.endpoints.map { WireEndpointRequests($0) }
        coveredFromNs = answer.covered.from.nanoseconds
        coveredToNs = answer.covered.to.nanoseconds
        unparsed = Fields.count(answer.unparsed)
    }
}

extension WireEndpointRequests {
    init(_ endpoint: EndpointRequests) {
        self.init()
        service = endpoint.service
        method = endpoint.method
        path = endpoint.path
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
    }
}

extension EndpointRequests {
    init(_ wire: WireEndpointRequests) throws(WireError) {
        self.init(service: wire.service, method: wire.method, path: wire.path)
        count = Fields.count(wire.count)
        errors = Fields.count(wire.errors)
        clientErrors = Fields.count(wire.clientErrors)
        if !wire.latency.isEmpty {
            guard let sketch = QuantileSketch(bytes: Array(wire.latency)) else {
                throw WireError(.malformed, "the latency sketch of \(wire.path.prefix(64)) can't be read")
            }
            latency = sketch
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

    private static func distinct(_ bytes: Data, of path: String) throws(WireError) -> DistinctSketch {
        guard !bytes.isEmpty else { return DistinctSketch() }
        guard let sketch = DistinctSketch(bytes: Array(bytes)) else {
            throw WireError(.malformed, "a sketch of users of \(path.prefix(64)) can't be read")
        }
        return sketch
    }
}
