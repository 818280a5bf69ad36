import MusterCore

/// The requests of the last day, counted per endpoint, class of status and second; coarser with age.
///
/// Not thread-safe; owned by ``LogRecorder``. A value: a question works on a copy. Nothing of who asked is kept; users
/// are counted by reading the logs again (``RequestReader``).
struct RequestHistory {
    /// Bounds of what is kept in memory.
    struct Limits {
        /// Bytes of all closed blocks.
        var bytesMax = 1_536 << 10
        var endpointsMax = 1_000
        var span = Duration.seconds(86_400)
    }

    /// Counts of one stretch of time that nothing is being added to.
    struct Block {
        /// In seconds since 1970; a multiple of the width.
        var start: Int64
        /// In seconds.
        var width: Int64
        /// ``RequestTally``, encoded.
        var bytes: [UInt8]

        var end: Int64 { start + width }
        /// What it takes, with what the allocator adds.
        var cost: Int { bytes.count + 56 }
    }

    private struct Open {
        var start: Int64
        var width: Int64
        var tally = RequestTally()
        /// When something was added last, by the number of the addition.
        var used: UInt64 = 0

        func covers(_ second: Int64) -> Bool {
            !tally.isEmpty && start <= second && second < start + width
        }
    }

    private struct Step {
        let width: Int64
        /// Age from which this step is taken, in seconds.
        let age: Int64
    }

    private let limits: Limits
    private(set) var endpoints: EndpointTable
    /// By start.
    private(set) var blocks: [Block] = []
    private var open: [Open] = []
    private var additions: UInt64 = 0
    private var bytes = 0
    /// How often the ages of the steps were halved to stay within the bytes.
    private var pressure: Int64 = 0
    private var compactedAt: Int64 = .min
    /// Requests that were let go before their time, to save memory.
    private(set) var lost: UInt64 = 0
    /// Everything after this moment is here.
    private(set) var completeFrom = Timestamp(nanoseconds: .min)

    private static let steps = [
        Step(width: 1, age: 0), Step(width: 10, age: 1_200), Step(width: 60, age: 7_200),
        Step(width: 300, age: 28_800),
    ]
    /// After so many halvings the oldest are let go instead.
    private static let pressureMax: Int64 = 5
    /// Several files are read one after the other, and each may be in another second.
    private static let openMax = 8
    private static let compactEvery: Int64 = 10

    init(limits: Limits = Limits()) {
        self.limits = limits
        endpoints = EndpointTable(endpointsMax: limits.endpointsMax)
    }

    /// Bytes that the closed blocks take.
    var bytesUsed: Int { bytes }

    /// Counts one request, for `weight` of its kind; `now` decides how finely.
    mutating func add(
        at: Timestamp,
        now: Timestamp,
        service: ArraySlice<UInt8>,
        request: ParsedRequest,
        weight: Int = 1
    ) {
        let second = at.wholeSeconds
        let endpoint = endpoints.number(service: service, request: request)
        let place = openPlace(of: second, age: now.wholeSeconds - second)
        additions += 1
        open[place].used = additions
        open[place].tally.add(
            endpoint: endpoint,
            status: request.status,
            latencyMilliseconds: request.latencyMilliseconds,
            weight: weight
        )
    }

    /// Puts everything where questions look for it.
    mutating func settle() {
        for place in open.indices { close(place) }
        if !endpoints.aliases.isEmpty { followAliases() }
    }

    /// Makes old blocks coarser and lets go of what is older than the span.
    mutating func trim(now: Timestamp) {
        let second = now.wholeSeconds
        for place in open.indices where open[place].start + open[place].width < second - 2 { close(place) }
        guard bytes > limits.bytesMax || second - Self.compactEvery >= compactedAt || second < compactedAt
        else {
            return
        }
        compactedAt = second
        compact(second)
        while bytes > limits.bytesMax, pressure < Self.pressureMax {
            pressure += 1
            compact(second)
        }
        if bytes < limits.bytesMax / 4, pressure > 0 { pressure -= 1 }
        forget(second)
        if !endpoints.aliases.isEmpty { settle() }
        if endpoints.count > limits.endpointsMax / 2 { forgetEndpoints() }
    }

    // MARK: Parts

    private mutating func openPlace(of second: Int64, age: Int64) -> Int {
        if let last = open.indices.last, open[last].covers(second) { return last }
        let place: Int
        if let found = open.firstIndex(where: { $0.covers(second) }) {
            place = found
        } else if let empty = open.firstIndex(where: \.tally.isEmpty) {
            place = empty
        } else if open.count < Self.openMax {
            open.append(Open(start: 0, width: 1))
            place = open.count - 1
        } else {
            place = open.indices.min { open[$0].used < open[$1].used } ?? 0
            close(place)
        }
        if open[place].tally.isEmpty {
            let width = width(age: age)
            open[place].start = second.floored(to: width)
            open[place].width = width
        }
        // The last is looked at first.
        open.swapAt(place, open.count - 1)
        return open.count - 1
    }

    private mutating func close(_ place: Int) {
        guard !open[place].tally.isEmpty else { return }
        let (start, width) = (open[place].start, open[place].width)
        var index = blocks.count
        while index > 0, blocks[index - 1].start > start { index -= 1 }
        if index > 0, blocks[index - 1].start == start, blocks[index - 1].width == width {
            bytes -= blocks[index - 1].cost
            open[place].tally.add(encoded: blocks[index - 1].bytes)
            blocks[index - 1].bytes = open[place].tally.encoded()
            bytes += blocks[index - 1].cost
        } else {
            let block = Block(start: start, width: width, bytes: open[place].tally.encoded())
            blocks.insert(block, at: index)
            bytes += block.cost
        }
        open[place].tally.removeAll()
    }

    private func width(age: Int64) -> Int64 {
        (Self.steps.last { age >= self.age(of: $0) } ?? Self.steps[0]).width
    }

    private func age(of step: Step) -> Int64 { step.age >> pressure }

    /// Brings blocks that are old enough for a coarser step together.
    private mutating func compact(_ now: Int64) {
        var result: [Block] = []
        result.reserveCapacity(blocks.count)
        var group: (start: Int64, width: Int64, blocks: [Block])?
        func finish() {
            guard let done = group else { return }
            group = nil
            if done.blocks.count == 1, done.blocks[0].width == done.width {
                result.append(done.blocks[0])
                return
            }
            var tally = RequestTally()
            for block in done.blocks { tally.add(encoded: block.bytes) }
            result.append(Block(start: done.start, width: done.width, bytes: tally.encoded()))
        }
        for block in blocks {
            // The whole of the coarser stretch must be old enough, or it would be added to later.
            let width = Self.steps.last { step in
                step.width > block.width
                    && now - (block.start.floored(to: step.width) + step.width) >= age(of: step)
            }?.width
            let (start, target) = (block.start.floored(to: width ?? block.width), width ?? block.width)
            if group?.start != start || group?.width != target { finish() }
            if group == nil { group = (start, target, []) }
            group?.blocks.append(block)
        }
        finish()
        blocks = result.sorted { $0.start < $1.start }
        bytes = blocks.reduce(0) { $0 + $1.cost }
    }

    /// Lets go of what is too old, and of the oldest while there is too much.
    private mutating func forget(_ now: Int64) {
        let oldest = now - limits.span.wholeSeconds
        var count = 0
        while count < blocks.count, blocks[count].end <= oldest || bytes > limits.bytesMax {
            bytes -= blocks[count].cost
            if blocks[count].end > oldest {
                let gone = blocks[count].bytes
                RequestTally.read(gone) { head, latency in
                    lost += UInt64(clamping: head.count)
                    QuantileSketch.skipCompact(gone, at: &latency)
                }
                completeFrom = max(completeFrom, Timestamp(seconds: Double(blocks[count].end)))
            }
            count += 1
        }
        blocks.removeFirst(count)
    }

    /// Counts what went to endpoints that are told as others now under those.
    private mutating func followAliases() {
        for place in blocks.indices {
            var tally = RequestTally()
            tally.add(encoded: blocks[place].bytes, as: endpoints.aliases)
            bytes -= blocks[place].cost
            blocks[place].bytes = tally.encoded()
            bytes += blocks[place].cost
        }
        endpoints.dropAliases()
    }

    /// Forgets endpoints of which no request is left.
    private mutating func forgetEndpoints() {
        settle()
        var used = Array(repeating: false, count: endpoints.numbersEnd)
        for block in blocks {
            RequestTally.read(block.bytes) { head, latency in
                used[Int(head.endpoint)] = true
                QuantileSketch.skipCompact(block.bytes, at: &latency)
            }
        }
        endpoints.keep { used[$0] }
    }
}

extension Int64 {
    /// The greatest multiple of a width that is not greater.
    func floored(to width: Int64) -> Int64 { self - (self % width + width) % width }
}

extension Timestamp {
    /// Seconds since 1970, rounded down.
    var wholeSeconds: Int64 {
        let seconds = nanoseconds / 1_000_000_000
        return nanoseconds % 1_000_000_000 < 0 ? seconds - 1 : seconds
    }
}

extension Duration {
    var wholeSeconds: Int64 { components.seconds }
}
