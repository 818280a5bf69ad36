import MusterCore

/// What was recorded around a window: compressed blocks, of which one series after the other is unpacked.
package struct MetricsRecording {
    private struct Part {
        let block: MetricsBlock
        let times: [Int64]
        let places: [Int: Range<Int>]
        /// Its slots by series; shared by all blocks under the same list.
        let slots: [MetricKey: Int]
    }

    private struct Layer {
        var parts: [Part] = []
        var keys: [MetricKey: MetricCadence] = [:]
    }

    private let window: TimeWindow
    private let from: Timestamp
    private let preferred: MetricsResolution
    private var layers: [MetricsResolution: Layer] = [:]
    /// Blocks that could not be read.
    private(set) var damaged = 0
    /// Why older points may be missing; nil when nothing is known against it.
    let problem: String?

    /// - Parameters:
    ///   - window: What is asked about.
    ///   - from: Where the points begin that tell what was usual before.
    ///   - preferred: Resolution of all series but those that are measured seldom.
    ///   - blocks: Of both resolutions, in any order; each may be there several times.
    ///   - problem: Why older points may be missing.
    init(
        window: TimeWindow,
        from: Timestamp,
        preferred: MetricsResolution,
        blocks: [(MetricsResolution, MetricsBlock)],
        problem: String?
    ) {
        self.window = window
        self.problem = problem
        self.from = from
        self.preferred = preferred
        var slots: [ObjectIdentifier: [MetricKey: Int]] = [:]
        for (resolution, block) in blocks.sorted(by: { $0.1.first < $1.1.first }) {
            guard block.last >= from.nanoseconds, block.first < window.to.nanoseconds else { continue }
            var layer = layers[resolution] ?? Layer()
            // In memory and on disk, or whole and in pieces: what begins inside what is there already is known.
            if let before = layer.parts.last, before.times.contains(block.first) {
                guard block.count > before.block.count else { continue }
                layer.parts.removeLast()
            }
            do throws(ProbeError) {
                let list = ObjectIdentifier(block.keys)
                if slots[list] == nil {
                    slots[list] = Dictionary(
                        block.keys.keys.enumerated().map { ($1, $0) },
                        uniquingKeysWith: { $1 }
                    )
                }
                var places: [Int: Range<Int>] = [:]
                for (slot, place) in try block.columns() {
                    places[slot] = place
                    layer.keys[block.keys.keys[slot]] = block.keys.cadences[slot]
                }
                layer.parts.append(
                    Part(block: block, times: try block.times(), places: places, slots: slots[list] ?? [:])
                )
                layers[resolution] = layer
            } catch {
                damaged += 1
            }
        }
    }

    /// Series that were recorded under a prefix, by name and subject.
    func keys(prefix: String) -> [MetricKey] {
        var keys: Set<MetricKey> = []
        for layer in layers.values { keys.formUnion(layer.keys.keys) }
        return keys.filter { $0.name.hasPrefix(prefix) }.sorted {
            ($0.name, $0.subject) < ($1.name, $1.subject)
        }
    }

    /// The points of a series, gaps left out; nil when there are none.
    mutating func series(_ key: MetricKey) -> RecordedSeries? {
        // What is measured seldom is kept in the coarser resolution only.
        let isSeldom = layers[.tenSeconds]?.keys[key] == .seldom
        guard let layer = layers[isSeldom ? .tenSeconds : preferred] else { return nil }
        var points: [(at: Int64, value: Double)] = []
        var isSorted = true
        for part in layer.parts {
            guard let slot = part.slots[key], let place = part.places[slot] else { continue }
            guard let values = try? part.block.values(at: place) else {
                damaged += 1
                continue
            }
            for (time, value) in zip(part.times, values) where value.isFinite {
                guard from.nanoseconds <= time, time < window.to.nanoseconds else { continue }
                if let last = points.last, last.at > time { isSorted = false }
                points.append((time, value))
            }
        }
        guard !points.isEmpty else { return nil }
        // The clock was set back.
        if !isSorted { points.sort { $0.at < $1.at } }
        let at = points.map { Timestamp(nanoseconds: $0.at) }
        return RecordedSeries(
            key: key,
            at: at,
            values: points.map(\.value),
            windowStart: at.firstIndex { $0 >= window.from } ?? at.endIndex
        )
    }

    /// Parts of the window in which nothing was recorded, or less than there should be, oldest first.
    ///
    /// What lies before the first point of all is none: nobody was there to record. Without any point all of it is.
    ///
    /// - Parameter now: Until when anything can have been recorded.
    /// - Returns: the gaps.
    func gaps(now: Timestamp) -> [TimeWindow] {
        let limit: Duration = preferred == .second ? .milliseconds(3500) : .seconds(25)
        let end = min(window.to, now)
        let times = (layers[preferred]?.parts.flatMap(\.times) ?? []).map { Timestamp(nanoseconds: $0) }
            .filter { from <= $0 && $0 < end }.sorted()
        guard var last = times.first else {
            return window.from < end ? [TimeWindow(from: window.from, to: end)] : []
        }
        var gaps: [TimeWindow] = []
        for time in times + [end] {
            if time - last > limit, time > window.from {
                let begin = max(last, window.from)
                // Single points in a large gap, of an agent that sheds work, do not make two of it.
                if let before = gaps.last, before.to == begin {
                    gaps[gaps.count - 1].to = time
                } else {
                    gaps.append(TimeWindow(from: begin, to: time))
                }
            }
            last = time
        }
        return gaps
    }
}
