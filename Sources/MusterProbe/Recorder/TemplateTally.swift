import MusterAnalysis
import MusterCore

/// Counts the lines of each template since somebody last asked.
struct TemplateTally {
    /// By slot of the miner.
    private var counts: [UInt32] = []
    private var levels: [LogLevel?] = []
    /// Slots with a count.
    private var touched: [Int] = []

    /// Counts a line, which stands for `weight` lines; costs a few nanoseconds.
    mutating func count(_ slot: Int, level: LogLevel?, weight: Int) {
        if slot >= counts.count {
            let missing = slot + 1 - counts.count
            counts.append(contentsOf: repeatElement(0, count: missing))
            levels.append(contentsOf: repeatElement(nil, count: missing))
        }
        if counts[slot] == 0 { touched.append(slot) }
        counts[slot] = UInt32(clamping: Int(counts[slot]) + weight)
        levels[slot] = level
    }

    /// The counts by the templates' identities, once.
    mutating func take(_ miner: LogTemplateMiner) -> [(id: UInt64, count: Int, level: LogLevel?)] {
        let found = touched.map { slot in
            (id: miner.id(miner.resolve(slot)), count: Int(counts[slot]), level: levels[slot])
        }
        for slot in touched { counts[slot] = 0 }
        touched.removeAll(keepingCapacity: true)
        return found
    }
}
