import MusterCore

/// Names one series: what is measured, and of what.
package struct MetricKey: Hashable, Sendable {
    /// With its unit: `cpu_busy_ratio`, `memory_available_bytes`.
    package var name: String
    /// A device, a path or a process; empty for the host.
    package var subject: String

    package init(_ name: String, _ subject: String = "") {
        self.name = name
        self.subject = subject
    }
}

/// Series over one common time axis, in a ring: the newest points replace the oldest.
///
/// A value costs 4 bytes and a point in time 8, so an hour of a series at 1 s is 14 KiB. Memory is taken as the ring
/// fills. A series without a value at some point has a gap there.
struct MetricsTable {
    /// Series that are kept at most; one that is no longer measured makes room for a new one.
    static let seriesMax = 192

    private let capacity: Int
    private var times: [Int64] = []
    /// The slot of the oldest point once the ring is full.
    private var head = 0
    private var columns: [Column] = []
    private var places: [MetricKey: Int] = [:]
    /// Values that found no room since the start.
    private(set) var valuesDropped = 0

    private struct Column {
        var key: MetricKey
        var values: [Float]
        /// Number of the last point at which it had a value.
        var seen: Int
    }

    /// Points since the start.
    private var appended = 0

    init(capacity: Int) { self.capacity = max(1, capacity) }

    /// When the oldest point was; nil when there is none.
    var oldest: Timestamp? {
        guard !times.isEmpty else { return nil }
        return Timestamp(nanoseconds: times[times.count < capacity ? 0 : head])
    }

    /// Adds one point to every series.
    mutating func append(at time: Timestamp, _ values: [MetricKey: Double]) {
        appended += 1
        let isGrowing = times.count < capacity
        let slot = isGrowing ? times.count : head
        if isGrowing {
            Self.grow(&times, to: capacity)
            times.append(time.nanoseconds)
        } else {
            times[slot] = time.nanoseconds
            head = (head + 1) % capacity
        }
        for place in columns.indices {
            let value = values[columns[place].key].map { Float($0) } ?? .nan
            if isGrowing {
                Self.grow(&columns[place].values, to: capacity)
                columns[place].values.append(value)
            } else {
                columns[place].values[slot] = value
            }
            if value.isFinite { columns[place].seen = appended }
        }
        for (key, value) in values where places[key] == nil && value.isFinite { add(key, Float(value), slot) }
    }

    /// The points of all series of a prefix from one moment to another, gaps left out, in the order of recording.
    func points(
        prefix: String,
        from: Timestamp,
        to: Timestamp
    ) -> [(key: MetricKey, at: [Timestamp], values: [Double])] {
        let slots = times.indices.lazy.map { (head + $0) % times.count }.filter {
            from.nanoseconds <= times[$0] && times[$0] < to.nanoseconds
        }
        let wanted = Array(slots)
        return columns.compactMap { column in
            guard column.key.name.hasPrefix(prefix) else { return nil }
            let known = wanted.filter { column.values[$0].isFinite }
            guard !known.isEmpty else { return nil }
            return (
                column.key,
                known.map { Timestamp(nanoseconds: times[$0]) },
                known.map { Double(column.values[$0]) }
            )
        }
    }

    /// A new series; it takes the place of the one that was not measured for longest when there is no other.
    private mutating func add(_ key: MetricKey, _ value: Float, _ slot: Int) {
        var values = [Float](repeating: .nan, count: times.count)
        values[slot] = value
        let column = Column(key: key, values: values, seen: appended)
        guard columns.count >= Self.seriesMax else {
            places[key] = columns.count
            columns.append(column)
            return
        }
        guard let place = columns.indices.min(by: { columns[$0].seen < columns[$1].seen }),
            columns[place].seen < appended
        else {
            valuesDropped += 1
            return
        }
        places[columns[place].key] = nil
        places[key] = place
        columns[place] = column
    }

    /// Doubles the room of an array, but never past the ring.
    private static func grow<Element>(_ array: inout [Element], to capacity: Int) {
        guard array.count == array.capacity else { return }
        array.reserveCapacity(min(capacity, max(64, array.count * 2)))
    }
}
