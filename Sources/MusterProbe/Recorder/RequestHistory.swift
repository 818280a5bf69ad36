import MusterCore

/// The requests of the last hour, 24 bytes each, so that any window can be counted exactly.
///
/// Not thread-safe; owned by ``LogRecorder``. Users are kept by name: every question hashes them with a salt of its
/// own, which all hosts share, and no name leaves the host.
struct RequestHistory {
    /// Bounds of what is kept in memory.
    struct Limits {
        var requestsMax = 1_000_000
        var usersMax = 200_000
        var endpointsMax = 1_000
        var span = Duration.seconds(3600)
    }

    /// What a request went to.
    struct Endpoint: Hashable {
        var service: String
        var method: String
        var path: String
    }

    private struct Record {
        var at: Int64
        var user: UInt32
        /// Milliseconds; below zero when not known.
        var latency: Float
        var endpoint: UInt16
        var status: UInt16
    }

    private let limits: Limits
    /// Roughly by time: several files are read one after the other.
    private var records: [Record] = []
    /// Records before this place have been let go.
    private var head = 0
    private var endpoints: [Endpoint] = []
    private var endpointNumbers: [Endpoint: UInt16] = [:]
    /// Number 0 stands for nobody.
    private var users: [[UInt8]] = [[]]
    private var userNumbers: [[UInt8]: UInt32] = [:]
    /// Requests that were let go before their time, to save memory.
    private(set) var lost: UInt64 = 0
    /// Everything after this moment is here, as far as it was lost for want of memory.
    private(set) var completeFrom = Timestamp(nanoseconds: .min)

    /// What lines of different files may be out of order by.
    private static let disorder = Duration.seconds(30)

    init(limits: Limits = Limits()) { self.limits = limits }

    var count: Int { records.count - head }

    mutating func add(
        at: Timestamp,
        endpoint: Endpoint,
        status: Int,
        latencyMilliseconds: Double?,
        user: ArraySlice<UInt8>?
    ) {
        if count >= limits.requestsMax {
            lost += 1
            completeFrom = max(completeFrom, Timestamp(nanoseconds: records[head].at + 1))
            head += 1
        }
        records.append(
            Record(
                at: at.nanoseconds,
                user: user.map { number(of: Array($0.prefix(256))) } ?? 0,
                latency: Float(latencyMilliseconds ?? -1),
                endpoint: number(of: endpoint),
                status: UInt16(clamping: status)
            )
        )
    }

    /// Lets go of what is older than the span.
    mutating func trim(now: Timestamp) {
        let oldest = (now - limits.span).nanoseconds
        while head < records.count, records[head].at < oldest { head += 1 }
        guard head > 4096, head > records.count / 2 else { return }
        records.removeFirst(head)
        head = 0
        if users.count > limits.usersMax / 2 { renumberUsers() }
        if endpoints.count > limits.endpointsMax / 2 { renumberEndpoints() }
    }

    /// Counts the requests of a window, per endpoint.
    ///
    /// Cost: one step per request of the window, one hash per user in it.
    func answer(
        window: TimeWindow,
        service: String,
        salt: [UInt8],
        bucketSeconds: Int,
        mustStop: () -> Bool
    ) -> (endpoints: [EndpointRequests], isWhole: Bool) {
        let hasher = KeyedHash(salt: salt)
        var hashes = [UInt64?](repeating: nil, count: users.count)
        var sums: [EndpointRequests?] = Array(repeating: nil, count: endpoints.count)
        var buckets: [[Int64: RequestBucket]] = Array(repeating: [:], count: endpoints.count)
        let width = Int64(bucketSeconds) * 1_000_000_000
        let (from, to) = (window.from.nanoseconds, window.to.nanoseconds)
        var isWhole = true
        for index in firstIndex(from: window.from)..<records.count {
            let record = records[index]
            if index & 0xFFF == 0, mustStop() {
                isWhole = false
                break
            }
            guard record.at >= from, record.at < to else { continue }
            let number = Int(record.endpoint)
            if sums[number] == nil {
                let endpoint = endpoints[number]
                guard service.isEmpty || endpoint.service == service else { continue }
                sums[number] = EndpointRequests(
                    service: endpoint.service,
                    method: endpoint.method,
                    path: endpoint.path
                )
            }
            let failed = record.status >= 500
            var hash: UInt64?
            if record.user != 0 {
                hash = hashes[Int(record.user)] ?? hasher.hash(users[Int(record.user)])
                hashes[Int(record.user)] = hash
            }
            sums[number]?.add(record.status, latency: record.latency, userHash: hash)
            guard width > 0 else { continue }
            let start = record.at - (record.at % width + width) % width
            let empty = RequestBucket(from: Timestamp(nanoseconds: start), count: 0, errors: 0)
            buckets[number][start, default: empty].count += 1
            if failed { buckets[number][start, default: empty].errors += 1 }
        }
        let answers = sums.indices.compactMap { number -> EndpointRequests? in
            guard var sum = sums[number] else { return nil }
            sum.buckets = buckets[number].values.sorted { $0.from < $1.from }
            return sum
        }
        return (answers.sorted { $0.count > $1.count }, isWhole)
    }

    // MARK: Parts

    /// The first record that may belong to a window; those before it are surely older.
    private func firstIndex(from: Timestamp) -> Int {
        let least = (from - Self.disorder).nanoseconds
        var low = head
        var high = records.count
        while low < high {
            let middle = (low + high) / 2
            if records[middle].at < least { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private mutating func number(of endpoint: Endpoint) -> UInt16 {
        if let known = endpointNumbers[endpoint] { return known }
        var endpoint = endpoint
        // Whoever asks for ever new paths must not fill the memory.
        if endpoints.count >= limits.endpointsMax {
            endpoint = Endpoint(service: endpoint.service, method: "", path: "(others)")
            if let known = endpointNumbers[endpoint] { return known }
            if endpoints.count >= limits.endpointsMax * 2 { return UInt16(endpoints.count - 1) }
        }
        let number = UInt16(endpoints.count)
        endpoints.append(endpoint)
        endpointNumbers[endpoint] = number
        return number
    }

    private mutating func number(of user: [UInt8]) -> UInt32 {
        if let known = userNumbers[user] { return known }
        guard users.count < limits.usersMax else {
            lost += 1
            return 0
        }
        let number = UInt32(users.count)
        users.append(user)
        userNumbers[user] = number
        return number
    }

    /// Forgets endpoints of which no request is left: a scanner's paths must not take the places for ever.
    private mutating func renumberEndpoints() {
        let old = endpoints
        endpoints = []
        endpointNumbers = [:]
        for index in head..<records.count {
            records[index].endpoint = number(of: old[Int(records[index].endpoint)])
        }
    }

    /// Forgets users of whom no request is left.
    private mutating func renumberUsers() {
        let old = users
        users = [[]]
        userNumbers = [:]
        for index in head..<records.count where records[index].user != 0 {
            records[index].user = number(of: old[Int(records[index].user)])
        }
    }
}

extension EndpointRequests {
    fileprivate mutating func add(_ status: UInt16, latency milliseconds: Float, userHash: UInt64?) {
        count += 1
        if status >= 500 { errors += 1 } else if status >= 400 { clientErrors += 1 }
        if milliseconds >= 0 { latency.add(Double(milliseconds)) }
        guard let userHash else { return }
        users.add(hash: userHash)
        if status >= 500 { usersFailed.add(hash: userHash) }
    }
}
