import MusterCore

extension RequestHistory {
    /// What was counted inside a window.
    struct Count {
        /// With the endpoint's number; most requests first.
        var rows: [(number: UInt16, requests: EndpointRequests)] = []
        /// The coarsest step met, in seconds.
        var stepSeconds: Int64 = 1
        var sampled: [SampledStretch] = []
        /// Whether there was time for all of it.
        var isWhole = true
    }

    /// Stretches of sampling that are told at most.
    private static let sampledMax = 64

    /// Counts the requests of a window, per endpoint; call ``settle()`` first.
    ///
    /// A second belongs to a window when it begins inside it, a coarser step when its middle does. Cost: one step for
    /// each cell and each bucket of latency of the window, some 30 ms for all that memory holds.
    func count(window: TimeWindow, service: String, bucketSeconds: Int, mustStop: () -> Bool) -> Count {
        var result = Count()
        var sums: [Sum?] = Array(repeating: nil, count: endpoints.numbersEnd)
        let isWanted = (0..<endpoints.numbersEnd).map { number in
            endpoints[number].map { service.isEmpty || $0.service.isEmpty || $0.service == service } ?? false
        }
        let width = Int64(bucketSeconds)
        for block in blocks where Self.belongs(block, to: window) {
            guard !mustStop() else {
                result.isWhole = false
                break
            }
            result.stepSeconds = max(result.stepSeconds, block.width)
            RequestTally.read(block.bytes) { head, latency in
                let number = Int(head.endpoint)
                guard number < isWanted.count, isWanted[number] else {
                    return QuantileSketch.skipCompact(block.bytes, at: &latency)
                }
                sums[number, default: Sum()].add(head, latencies: block.bytes, at: &latency)
                if width > 0 { sums[number]?.addBucket(head, at: block.start.floored(to: width)) }
            }
            let every = RequestTally.every(block.bytes)
            if every > 1 { result.note(sampling: every, of: block, max: Self.sampledMax) }
        }
        for (number, sum) in sums.enumerated() {
            guard let sum, let endpoint = endpoints[number] else { continue }
            var requests = sum.requests(to: endpoint)
            requests.isLearnt = endpoints.isLearnt(number)
            result.rows.append((UInt16(number), requests))
        }
        result.rows.sort { $0.requests.count > $1.requests.count }
        return result
    }

    static func belongs(_ block: Block, to window: TimeWindow) -> Bool {
        let start = Timestamp(nanoseconds: block.start * 1_000_000_000)
        return window.contains(block.width == 1 ? start : start + .milliseconds(block.width * 500))
    }

    /// What one endpoint comes to.
    private struct Sum {
        var classes: [StatusClassRequests?] = Array(repeating: nil, count: 6)
        var countVariance = 0.0
        var errorsVariance = 0.0
        var buckets: [RequestBucket] = []

        mutating func add(_ head: RequestTally.Head, latencies: [UInt8], at place: inout Int) {
            let statusClass = Int(min(max(head.statusClass, 1), 5))
            classes[statusClass, default: StatusClassRequests(statusClass: statusClass)].add(
                head.count,
                latencies,
                at: &place
            )
            countVariance += Double(head.variance)
            if statusClass == 5 { errorsVariance += Double(head.variance) }
        }

        mutating func addBucket(_ head: RequestTally.Head, at second: Int64) {
            let from = Timestamp(nanoseconds: second * 1_000_000_000)
            if buckets.last?.from != from { buckets.append(RequestBucket(from: from, count: 0, errors: 0)) }
            let last = buckets.count - 1
            buckets[last].count = buckets[last].count.saturatingAdd(head.count)
            if head.statusClass == 5 { buckets[last].errors = buckets[last].errors.saturatingAdd(head.count) }
        }

        func requests(to endpoint: EndpointTable.Endpoint) -> EndpointRequests {
            var result = EndpointRequests(
                service: endpoint.service,
                method: endpoint.method,
                path: endpoint.path
            )
            for one in classes.compactMap(\.self) {
                result.count = result.count.saturatingAdd(one.count)
                if one.statusClass == 5 { result.errors = one.count }
                if one.statusClass == 4 { result.clientErrors = one.count }
                result.latency.merge(one.latency)
                result.classes.append(one)
            }
            result.countVariance = countVariance
            result.errorsVariance = errorsVariance
            result.buckets = buckets
            return result
        }
    }
}

extension RequestHistory.Count {
    /// Adds who made the requests; returns for which share of them that is known, 0 to 1.
    mutating func add(_ users: [RequestReader.Users?], seen: Int) -> Double {
        var counted = 0.0
        for place in rows.indices {
            counted += Double(rows[place].requests.count)
            guard let found = users[Int(rows[place].number)] else { continue }
            rows[place].requests.users = found.all
            rows[place].requests.usersFailed = found.failed
        }
        return counted > 0 ? min(1, Double(seen) / counted) : 1
    }

    /// Lengthens the last stretch of sampling, or begins one.
    fileprivate mutating func note(sampling every: Int, of block: RequestHistory.Block, max: Int) {
        let from = Timestamp(nanoseconds: block.start * 1_000_000_000)
        let to = Timestamp(nanoseconds: block.end * 1_000_000_000)
        if let last = sampled.indices.last, sampled[last].window.to >= from || sampled.count >= max {
            sampled[last].window.to = to
            sampled[last].every = Swift.max(sampled[last].every, every)
        } else {
            sampled.append(SampledStretch(window: TimeWindow(from: from, to: to), every: every))
        }
    }
}

extension Array {
    /// An element that is there once it was asked for.
    fileprivate subscript<Wrapped>(index: Int, default value: @autoclosure () -> Wrapped) -> Wrapped
    where Element == Wrapped? {
        get { self[index] ?? value() }
        _modify {
            var element = self[index] ?? value()
            self[index] = nil
            defer { self[index] = element }
            yield &element
        }
    }
}

extension StatusClassRequests {
    fileprivate mutating func add(_ more: Int, _ latencies: [UInt8], at place: inout Int) {
        count = count.saturatingAdd(more)
        latency.addCompact(latencies, at: &place)
    }
}
