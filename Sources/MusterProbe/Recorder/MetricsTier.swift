import MusterCore

/// One resolution in memory: the points of the block that is under way, and the compressed blocks before it.
struct MetricsTier {
    let resolution: MetricsResolution
    /// Compressed, oldest first.
    private(set) var blocks: [MetricsBlock] = []
    private(set) var blockBytes = 0
    /// Times of the open block.
    private(set) var times: [Int64] = []
    /// Its values: ``MetricsResolution/blockPoints`` for each slot, one slot after the other.
    private var values: [Double] = []
    private var width = 0
    /// How many of its points went out with ``tail(_:)``.
    private var pointsTold = 0

    init(_ resolution: MetricsResolution) { self.resolution = resolution }

    /// Memory that it takes.
    var memoryBytes: Int { blockBytes + values.capacity * MemoryLayout<Double>.stride }

    /// When the oldest point was.
    var oldest: Int64? { blocks.first?.first ?? times.first }

    /// Whether the open block has no room for another point.
    var isFull: Bool { times.count == MetricsResolution.blockPoints }

    /// Adds a point to the open block, which must not be full; `value` tells the value of each slot.
    mutating func append(at time: Int64, count: Int, value: (Int) -> Double) {
        precondition(!isFull, "a full block must be closed first")
        let stride = MetricsResolution.blockPoints
        if count > width {
            values.append(contentsOf: repeatElement(.nan, count: (count - width) * stride))
            width = count
        }
        for slot in 0..<count { values[slot * stride + times.count] = value(slot) }
        times.append(time)
    }

    /// The open block as it stands; nil when it has no points.
    func open(_ keys: MetricsSchema.Keys) -> MetricsBlock? { block(keys, from: 0) }

    /// The points that came since the last call, as a block of their own.
    mutating func tail(_ keys: MetricsSchema.Keys) -> MetricsBlock? {
        defer { pointsTold = times.count }
        return block(keys, from: pointsTold)
    }

    /// Closes the open block, and gives it.
    mutating func close(_ keys: MetricsSchema.Keys) -> MetricsBlock? {
        guard let block = open(keys) else { return nil }
        blocks.append(block)
        blockBytes += block.memoryBytes
        for index in values.indices { values[index] = .nan }
        times.removeAll(keepingCapacity: true)
        pointsTold = 0
        return block
    }

    /// Forgets blocks that end before a moment, then the oldest until the blocks take no more than some bytes.
    mutating func shrink(before moment: Int64, bytesMax: Int) {
        var dropped = 0
        while dropped < blocks.count, blocks[dropped].last < moment || blockBytes > bytesMax {
            blockBytes -= blocks[dropped].memoryBytes
            dropped += 1
        }
        blocks.removeFirst(dropped)
    }

    /// Gives back the memory of slots that there are no more; the open block must be closed.
    mutating func resetSlots() {
        precondition(times.isEmpty, "slots can't be numbered anew inside a block")
        values = []
        width = 0
    }

    private func block(_ keys: MetricsSchema.Keys, from start: Int) -> MetricsBlock? {
        guard start < times.count else { return nil }
        let stride = MetricsResolution.blockPoints
        let (count, width, values) = (times.count, width, values)
        return MetricsBlock(times: Array(times[start...]), keys: keys) { slot in
            slot < width ? values[(slot * stride + start)..<(slot * stride + count)] : []
        }
    }
}
