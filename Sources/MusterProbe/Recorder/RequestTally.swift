import MusterCore

/// Counts and latencies of a stretch of time, per endpoint and class of status.
struct RequestTally {
    /// Requests to one endpoint that ended alike.
    struct Head {
        var endpoint: UInt16
        /// First digit of the status, 1 to 5.
        var statusClass: UInt8
        /// Requests, with those that no line was looked at for.
        var count = 0
        /// Variance of the count by sampling: a line that stands for k adds k(k-1).
        var variance = 0
    }

    /// The same, with how long they took.
    struct Cell {
        var head: Head
        var latency = QuantileSketch()
    }

    private(set) var cells: [Cell] = []
    /// The largest number of lines that one stood for.
    private(set) var every = 1
    /// Place of a cell by endpoint and class; 0 for none, else one more than the place.
    private var places: [UInt16] = []

    var isEmpty: Bool { cells.isEmpty }

    /// Counts one request for `weight` of its kind.
    mutating func add(endpoint: UInt16, status: Int, latencyMilliseconds: Double?, weight: Int) {
        let place = place(endpoint, UInt8(clamping: min(max(status / 100, 1), 5)))
        cells[place].head.count += weight
        if weight > 1 {
            cells[place].head.variance = cells[place].head.variance.saturatingAdd(weight * (weight - 1))
            every = max(every, weight)
        }
        if let latencyMilliseconds { cells[place].latency.add(latencyMilliseconds, times: weight) }
    }

    /// Adds what ``encoded()`` wrote, with other numbers for the endpoints that have one.
    mutating func add(encoded bytes: [UInt8], as others: [UInt16: UInt16] = [:]) {
        every = max(every, Self.every(bytes))
        Self.read(bytes) { head, latency in
            let endpoint = others.isEmpty ? head.endpoint : others[head.endpoint] ?? head.endpoint
            let place = place(endpoint, head.statusClass)
            cells[place].head.count = cells[place].head.count.saturatingAdd(head.count)
            cells[place].head.variance = cells[place].head.variance.saturatingAdd(head.variance)
            cells[place].latency.addCompact(bytes, at: &latency)
        }
    }

    /// Looks at each cell that ``encoded()`` wrote.
    ///
    /// `visit` gets the cell without its latencies and the place where they stand, which it must move behind them.
    static func read(_ bytes: [UInt8], _ visit: (_ head: Head, _ latency: inout Int) -> Void) {
        var place = 0
        var key = 0
        let isSampled = bytes.leb128(at: &place) > 1
        while place < bytes.count {
            key += bytes.leb128(at: &place)
            let count = bytes.leb128(at: &place)
            visit(
                Head(
                    endpoint: UInt16(clamping: key / 6),
                    statusClass: UInt8(key % 6),
                    count: count,
                    variance: isSampled ? bytes.leb128(at: &place) : 0
                ),
                &place
            )
        }
    }

    /// The largest number of lines that one stood for among those that ``encoded()`` wrote.
    static func every(_ bytes: [UInt8]) -> Int {
        var place = 0
        return max(1, bytes.leb128(at: &place))
    }

    /// The form for memory: the largest number of lines that one stood for, then for each cell, by endpoint and class, the distance of
    /// its key to the one before, its counts and its latencies.
    func encoded() -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(leb128: every)
        var last = 0
        for cell in cells.sorted(by: { Self.key($0) < Self.key($1) }) {
            bytes.append(leb128: Self.key(cell) - last)
            bytes.append(leb128: cell.head.count)
            if every > 1 { bytes.append(leb128: cell.head.variance) }
            cell.latency.appendCompact(to: &bytes)
            last = Self.key(cell)
        }
        return bytes
    }

    /// Forgets all counts and keeps the memory for the next.
    mutating func removeAll() {
        for cell in cells { places[Self.key(cell)] = 0 }
        cells.removeAll(keepingCapacity: true)
        every = 1
    }

    private static func key(_ cell: Cell) -> Int { Int(cell.head.endpoint) * 6 + Int(cell.head.statusClass) }

    private mutating func place(_ endpoint: UInt16, _ statusClass: UInt8) -> Int {
        let key = Int(endpoint) * 6 + Int(statusClass)
        if key >= places.count { places.append(contentsOf: repeatElement(0, count: key + 6 - places.count)) }
        if places[key] == 0 {
            cells.append(Cell(head: Head(endpoint: endpoint, statusClass: statusClass)))
            places[key] = UInt16(clamping: cells.count)
        }
        return Int(places[key]) - 1
    }
}
