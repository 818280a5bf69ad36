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

/// How often a series is measured.
enum MetricCadence: UInt8, Sendable {
    case everySecond
    /// Every ten seconds or less often: such a series is kept in tens of seconds only.
    case seldom

    /// By the first word of the name.
    init(of name: String) {
        let isSeldom = ["process_", "filesystem_", "cgroup_", "clock_", "prometheus:"].contains {
            name.hasPrefix($0)
        }
        self = isSeldom ? .seldom : .everySecond
    }
}

/// Which series there are: each has a slot, a small number under which its values are handed on.
///
/// Slots are given out once and stay until ``makeRoom(keeping:)`` numbers them anew, which ``epoch`` tells.
struct MetricsSchema {
    /// Series that are recorded at most.
    static let seriesMax = 1024

    /// What is in which slot, shared with the blocks that were written under it.
    final class Keys: Sendable {
        let keys: [MetricKey]
        let cadences: [MetricCadence]
        /// Tells this list from any other of this process.
        let number: Int

        init(_ keys: [MetricKey], _ cadences: [MetricCadence], number: Int) {
            self.keys = keys
            self.cadences = cadences
            self.number = number
        }
    }

    private var list: [MetricKey] = []
    private var cadences: [MetricCadence] = []
    private var quanta: [MetricQuantum] = []
    private var slots: [MetricKey: Int] = [:]
    private var shared: Keys?
    private var numbers = 0
    /// Changes when slots are numbered anew; slots of before mean nothing then.
    private(set) var epoch = 0
    /// Series that found no room since the start.
    private(set) var refused = 0

    var count: Int { list.count }

    /// The slot of a series, given out now if it is new; nil when there is no room for it.
    mutating func slot(_ key: MetricKey, _ own: MetricCadence? = nil) -> Int? {
        if let slot = slots[key] { return slot }
        let cadence = own ?? MetricCadence(of: key.name)
        guard list.count < Self.seriesMax else {
            refused += 1
            return nil
        }
        slots[key] = list.count
        list.append(key)
        cadences.append(cadence)
        quanta.append(MetricQuantum(of: key.name))
        shared = nil
        return list.count - 1
    }

    func key(_ slot: Int) -> MetricKey { list[slot] }

    func cadence(_ slot: Int) -> MetricCadence { cadences[slot] }

    func quantum(_ slot: Int) -> MetricQuantum { quanta[slot] }

    /// The list as it is now.
    mutating func keys() -> Keys {
        if let shared { return shared }
        numbers += 1
        let keys = Keys(list, cadences, number: numbers)
        shared = keys
        return keys
    }

    /// Forgets the series that are not to be kept.
    mutating func makeRoom(keeping isKept: (Int) -> Bool) {
        let kept = list.indices.filter(isKept)
        list = kept.map { list[$0] }
        cadences = kept.map { cadences[$0] }
        quanta = kept.map { quanta[$0] }
        slots = Dictionary(uniqueKeysWithValues: list.enumerated().map { ($1, $0) })
        shared = nil
        epoch += 1
    }
}

/// How finely a quantity is kept: finer would store noise.
struct MetricQuantum: Sendable {
    /// Binary digits that are kept.
    private let digits: Int
    /// The finest step, as a power of two.
    private let step: Double

    /// By the unit at the end of the name.
    ///
    /// Shares are kept to 1/16384, rates to one part in 4096, everything else to one part in 262144.
    init(of name: String) {
        if name.hasSuffix("_ratio") {
            (digits, step) = (52, 1.0 / 16384)
        } else if name.hasSuffix("_per_second") {
            (digits, step) = (12, 1.0 / 256)
        } else {
            (digits, step) = (18, 1.0 / 16384)
        }
    }

    /// The nearest value that is kept.
    func rounded(_ value: Double) -> Double {
        guard value.isFinite else { return .nan }
        let drop = UInt64(52 - digits)
        var result = value
        if drop > 0 {
            let half: UInt64 = 1 << (drop - 1)
            let cut = Double(bitPattern: (value.bitPattern &+ half) & ~(half << 1 - 1))
            if cut.isFinite { result = cut }
        }
        // Beyond this the step is finer than the digits.
        if abs(result) < 0x1p30 { result = (result / step).rounded() * step }
        // A zero has no sign.
        return result == 0 ? 0 : result
    }
}
