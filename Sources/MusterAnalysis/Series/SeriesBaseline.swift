/// What a series should be next, and how far it strays from that by chance.
///
/// Points are gathered into blocks of 24 (four minutes at 10 s). Four simple models foretell the next block from
/// the last 20 ones: the level of all, the level of the latest, a straight line, and the usual course of the day.
/// The one that was nearest of late is believed; its error is part of the scale. So a series that wanders, grows or
/// follows the sun is judged by what is left when that is taken out, and a series of which nothing is known yet is
/// judged by its level alone. Means are winsorised and lines are medians of slopes: a few wild points bend neither.
struct SeriesBaseline {
    static let blockPoints = 24
    private static let blocksMax = 20
    private static let latest = 4
    private static let hours = 24
    /// Blocks before anything is foretold.
    static let blocksMin = 4
    /// A slope that is held loses half of itself in an hour.
    private static let fading: Float = 0.998

    private enum Model: Int, CaseIterable {
        case level
        case latest
        case line
        case day
    }

    /// The latest points, for the block under way and for dating a change.
    private(set) var ring = InlineArray<24, Float>(repeating: 0)
    private(set) var points: UInt32 = 0
    private var filled: UInt8 = 0
    private var blocks = InlineArray<20, Float>(repeating: 0)
    private var blocksCount: UInt8 = 0
    private var errors = InlineArray<4, Float>(repeating: 0)
    private var forecasts = InlineArray<4, Float>(repeating: 0)
    private var model: UInt8 = 0
    private var errorsCount: UInt8 = 0
    /// Spread of points within a block.
    private var within: Float = 0
    /// The mean of each hour of the day (UTC), as the upper half of a Float: its error is below every noise floor.
    private var day = InlineArray<24, UInt16>(repeating: 0)
    private var hoursSeen: UInt32 = 0
    /// Where the block under way is expected to be, at its first point, and how it goes on with each point.
    private(set) var level: Float = 0
    private var slope: Float = 0
    private(set) var scale: Float = 1
    private(set) var isFrozen = false

    /// Whether there is enough to judge by.
    var isReady: Bool { blocksCount >= Self.blocksMin }

    /// What is expected of the next point.
    var expected: Float { isFrozen ? level : level + slope * Float(filled) }

    /// A point went by while the expectation is held: a slope fades, since it can't go on for ever.
    mutating func drift() {
        level += slope
        slope *= Self.fading
    }

    /// Takes in a point; true when it completed a block.
    mutating func add(_ value: Float, tick: UInt32, floor: NoiseFloor) -> Bool {
        ring[Int(points % UInt32(Self.blockPoints))] = value
        points &+= 1
        filled += 1
        guard filled == Self.blockPoints else { return false }
        filled = 0
        close(tick: tick, floor: floor)
        return true
    }

    /// The point that came so many points ago: 0 is the latest, and 23 the most.
    func recent(_ back: Int) -> Float {
        ring[(Int(points) + Self.blockPoints * 2 - 1 - back) % Self.blockPoints]
    }

    /// Holds the expectation while the series is not itself.
    mutating func freeze() {
        level = expected
        isFrozen = true
    }

    /// The series is itself again: the last blocks are taken for what they should have been.
    mutating func thaw(strayed blocks: Int) {
        isFrozen = false
        filled = 0
        let count = Int(blocksCount)
        for index in max(0, count - blocks)..<count { self.blocks[index] = level }
    }

    /// The series will stay as it is now: the latest blocks are the new usual.
    mutating func adopt(floor: NoiseFloor) {
        isFrozen = false
        within = summary(floor: floor).spread
        errorsCount = 0
        foretell(tick: nil, floor: floor)
    }

    /// Begins anew, as after a long gap or a counter that began from zero; the course of the day is kept.
    mutating func restart() {
        filled = 0
        points = 0
        blocksCount = 0
        errorsCount = 0
        errors = InlineArray(repeating: 0)
        within = 0
        isFrozen = false
    }

    // MARK: Blocks

    private mutating func close(tick: UInt32, floor: NoiseFloor) {
        let block = summary(floor: floor)
        if !isFrozen {
            if blocksCount > 0 { judge(block.mean, floor: floor) }
            // The mean of the first blocks, then slowly forgetting.
            let weight = 1 / Float(min(Int(blocksCount) + 1, 16))
            let spread = blocksCount < 2 ? block.spread : min(block.spread, 4 * within + least(floor))
            within += (spread - within) * weight
            learnDay(block.mean, tick: tick)
        }
        if blocksCount == Self.blocksMax {
            for index in 1..<Self.blocksMax { blocks[index - 1] = blocks[index] }
            blocks[Self.blocksMax - 1] = block.mean
        } else {
            blocks[Int(blocksCount)] = block.mean
            blocksCount += 1
        }
        if !isFrozen { foretell(tick: tick, floor: floor) }
    }

    private func least(_ floor: NoiseFloor) -> Float { Float(floor.at(level: Double(level))) }

    /// The winsorised mean and the spread of the last 24 points.
    private func summary(floor: NoiseFloor) -> (mean: Float, spread: Float) {
        var sorted = ring
        Self.sort(&sorted, Self.blockPoints)
        let middle = sorted[11] / 2 + sorted[12] / 2
        var away = InlineArray<24, Float> { abs(sorted[$0] - middle) }
        Self.sort(&away, Self.blockPoints)
        let spread = (away[11] / 2 + away[12] / 2) * Float(RobustStatistics.normalScale)
        let limit = 4 * max(spread, Float(floor.at(level: Double(middle))))
        var sum: Float = 0
        for index in sorted.indices { sum += min(max(sorted[index] - middle, -limit), limit) }
        return (middle + sum / Float(Self.blockPoints), spread)
    }

    /// Compares what the models foretold with what came.
    private mutating func judge(_ mean: Float, floor: NoiseFloor) {
        if errorsCount < 16 { errorsCount += 1 }
        let weight = 1 / Float(errorsCount)
        for model in Model.allCases where model != .day || hasDay {
            let index = model.rawValue
            let miss = abs(mean - forecasts[index])
            if model == .day, errors[index] == 0 { errors[index] = max(miss, errors[Int(self.model)]) }
            let bounded = errorsCount < 3 ? miss : min(miss, 4 * errors[index] + least(floor))
            errors[index] += (bounded - errors[index]) * weight
        }
    }

    private mutating func foretell(tick: UInt32?, floor: NoiseFloor) {
        let count = Int(blocksCount)
        forecasts[Model.level.rawValue] = median(last: count) { blocks[$0] }
        forecasts[Model.latest.rawValue] = median(last: min(count, Self.latest)) { blocks[$0] }
        let slope = self.lineSlope()
        forecasts[Model.line.rawValue] = median(last: count) { blocks[$0] + slope * Float(count - $0) }
        var daySlope: Float = 0
        if hasDay, let tick {
            let next = usual(at: tick &+ UInt32(Self.blockPoints / 2))
            daySlope = usual(at: tick &+ UInt32(Self.blockPoints)) - usual(at: tick)
            forecasts[Model.day.rawValue] =
                next
                + median(last: count) { index in
                    let back = UInt32((count - 1 - index) * Self.blockPoints + Self.blockPoints / 2)
                    return blocks[index] - usual(at: tick &- back)
                }
        }
        choose()
        // The forecast is for the middle of the block; a point's own place in it is added with the slope.
        switch Model(rawValue: Int(model)) {
        case .line: self.slope = slope / Float(Self.blockPoints)
        case .day: self.slope = daySlope / Float(Self.blockPoints)
        default: self.slope = 0
        }
        level = forecasts[Int(model)] - self.slope * Float(Self.blockPoints) / 2
        // The mean error of normal noise is 0.8 of its standard deviation.
        let between = errors[Int(model)] * 1.25
        let noise = Float(floor.at(level: Double(level)))
        scale = max((within * within + between * between).squareRoot(), noise)
    }

    /// Takes another model only when it was clearly better.
    private mutating func choose() {
        guard errorsCount >= 3 else {
            model = 0
            return
        }
        for candidate in Model.allCases where candidate != .day || hasDay && errors[Model.day.rawValue] > 0 {
            if errors[candidate.rawValue] < 0.85 * errors[Int(model)] { model = UInt8(candidate.rawValue) }
        }
    }

    /// Rise from block to block: the median of the slopes between blocks half the stretch apart (Theil's short way).
    private func lineSlope() -> Float {
        let count = Int(blocksCount)
        guard count >= Self.blocksMin else { return 0 }
        let half = count / 2
        var slopes = InlineArray<20, Float>(repeating: 0)
        for index in 0..<(count - half) {
            slopes[index] = (blocks[index + half] - blocks[index]) / Float(half)
        }
        return Self.middle(&slopes, count - half)
    }

    private func median(last count: Int, _ value: (Int) -> Float) -> Float {
        guard count > 0 else { return 0 }
        var values = InlineArray<20, Float>(repeating: 0)
        for index in 0..<count { values[index] = value(Int(blocksCount) - count + index) }
        return Self.middle(&values, count)
    }

    private static func middle(_ values: inout InlineArray<20, Float>, _ count: Int) -> Float {
        sort(&values, count)
        return count % 2 == 1 ? values[count / 2] : values[count / 2 - 1] / 2 + values[count / 2] / 2
    }

    /// By insertion: there are two dozen at most, and nothing is allocated.
    private static func sort<let size: Int>(_ values: inout InlineArray<size, Float>, _ count: Int) {
        for index in 1..<max(1, count) {
            let value = values[index]
            var place = index
            while place > 0, values[place - 1] > value {
                values[place] = values[place - 1]
                place -= 1
            }
            values[place] = value
        }
    }

    // MARK: The day

    private static let ticksPerHour: UInt32 = 360

    /// Whether every hour of the day was seen.
    private var hasDay: Bool { hoursSeen == 1 << 24 - 1 }

    private mutating func learnDay(_ mean: Float, tick: UInt32) {
        let hour = Int(tick / Self.ticksPerHour % 24)
        let before = hoursSeen & (1 << UInt32(hour)) == 0 ? mean : hourMean(hour)
        hoursSeen |= 1 << UInt32(hour)
        // Fifteen blocks an hour: half of it is of the latest day.
        day[hour] = UInt16(truncatingIfNeeded: (before + (mean - before) * 0.08).bitPattern >> 16)
    }

    private func hourMean(_ hour: Int) -> Float { Float(bitPattern: UInt32(day[hour]) << 16) }

    /// The usual level at a time of day, between the means of its two hours.
    private func usual(at tick: UInt32) -> Float {
        let place = Float((tick % 8640 + 8640 - 180) % 8640) / Float(Self.ticksPerHour)
        let hour = Int(place) % Self.hours
        let part = place - Float(Int(place))
        return hourMean(hour) * (1 - part) + hourMean((hour + 1) % Self.hours) * part
    }
}
