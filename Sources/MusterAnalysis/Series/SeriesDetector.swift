import MusterCore

/// Watches one series: says when it stops being itself, since when, and when it is itself again.
///
/// Points come at ten seconds. Each is judged by how far it is from ``SeriesBaseline``'s expectation, in units of its
/// scale. *Shock*, the least deviation of three points in a row, finds large changes in half a minute; *shift*, a
/// cumulative sum of small deviations up or down, finds lasting ones; *unsteadiness*, a sum of the steps from point to
/// point, finds noise that grew. How much of each is chance is learnt from the series itself:
///
/// - how noise adds up over a block: twice the variance, or points that resemble their neighbours, need twice the sum;
/// - the deviation that one point of a hundred passes: a series that often bursts needs larger shocks;
/// - the excursions of the last days (``ExcursionRecord``): what happens now and then is no news.
///
/// So all series raise a false alarm about equally rarely. Nothing is said before four blocks of points (16 minutes),
/// and only of gross changes in the first hour and a half.
///
/// About 450 bytes and a tenth of a microsecond a point; nothing is allocated.
struct SeriesDetector {
    enum Transition {
        case began(Anomaly)
        /// It is over; the caller keeps what it was.
        case ended(SeriesAnomaly.State, at: UInt32)
    }

    /// A score from here on is told.
    static let scoreMin: Float = 8
    /// A shock of this many deviations is told of a series that never had one.
    private static let shockMin: Float = 8
    /// How far a shock must go beyond what one point of a hundred passes, and beyond the usual worst.
    private static let tailMargin: Float = 2.5
    private static let shockMargin: Float = 2.5
    /// The sum that chance reaches less than once in 10⁶ points, times allowance and over variance.
    private static let shiftMin: Float = 8
    /// How far a sum must go beyond the usual worst.
    private static let shiftMargin: Float = 2.5
    /// What one point counts at most.
    private static let clip: Float = 4
    /// What chance allows the steps from point to point, beyond their mean and in parts of it.
    private static let stepAllowance: Float = 0.5
    /// A change smaller than so many noise floors is none, however long it lasts.
    private static let floorsMin: Float = 3
    /// An excursion that was told makes the next ones usual only step by step: a longer incident isn't hidden by a
    /// shorter one.
    private static let learnedMax: Float = 8
    /// Ticks without a point after which excursions can't be followed, and after which all begins anew.
    private static let gapMax: UInt32 = 60
    private static let awayMax: UInt32 = 2160
    /// Points near usual that make a recovery.
    private static let recoveredPoints = 12
    /// Points after which a changed series is taken as it is: four hours.
    private static let settlePoints: UInt32 = 1440
    /// What a series does in its first hour and a half is usual.
    private static let youthPoints: UInt32 = 540

    /// Squares of larger values would be infinite.
    private static let valueMax: Float = 1e18

    private(set) var baseline = SeriesBaseline()
    private var up = Excursion()
    private var down = Excursion()
    private var unsteady = Excursion()
    private var shockUp = ShockRecord()
    private var shockDown = ShockRecord()
    /// Deviations of the two points before this one.
    private var z1: Float = 0
    private var z2: Float = 0
    /// Mean step from point to point, in deviations.
    private var stepMean: Float = 1
    /// Sums of the block under way, and what they vary by: how noise adds up.
    private var blockSum: Float = 0
    private var blockSteps: Float = 0
    private var variance: Float = 1
    private var stepVariance: Float = 1
    /// What chance allows each point: more where noise adds up.
    private var allowance: Float = 0.5
    private var last: Float = .nan
    private var lastTick: UInt32 = 0
    /// Ticks from point to point.
    private var pace: UInt32 = 1
    private var rises: UInt32 = 0
    private var falls: UInt32 = 0
    // While it is not itself.
    private(set) var isOpen = false
    private var near: UInt8 = 0
    private var nearSince: UInt32 = 0
    private var pointsOpen: UInt32 = 0

    init() {}

    /// Whether enough is known of the series to tell more than the grossest change.
    var isGrown: Bool { baseline.points >= Self.youthPoints }

    /// Takes in the point of a tick; what is not finite, or beyond all sense, is a gap.
    ///
    /// `anomaly` is the open one, which is brought up to date; it is not looked at when there is none.
    mutating func add(
        _ value: Float,
        tick: UInt32,
        floor: NoiseFloor,
        anomaly: inout Anomaly?
    ) -> Transition? {
        guard abs(value) < Self.valueMax else { return nil }
        var transition: Transition?
        let isAnew = bridge(to: tick)
        if isReset(value) || isAnew {
            if isOpen { transition = .ended(.lost, at: lastTick) }
            restart()
        }
        lastTick = tick
        last = value
        guard baseline.isReady else {
            _ = baseline.add(value, tick: tick, floor: floor)
            return transition
        }
        let z = (value - baseline.expected) / baseline.scale
        let step = abs(z - z1)
        let shock = self.shock(z)
        sum(z, step, shock, tick)
        if isOpen, var open = anomaly {
            follow(&open, z, step, shock, value, tick)
            anomaly = open
            if let state = ending { transition = end(open, state, tick, floor) }
        } else if let found = find(z, shock, value, tick, floor) {
            transition = .began(found)
        }
        (z1, z2) = isOpen || transition == nil ? (z, z1) : (0, 0)
        if isOpen { baseline.drift() }
        if baseline.add(value, tick: tick, floor: floor) { closeBlock() }
        return transition
    }

    // MARK: Watching

    /// The deviation that each of the last three points reached; 0 when they went to both sides.
    private func shock(_ z: Float) -> Float {
        if z > 0, z1 > 0, z2 > 0 { return min(z, z1, z2) }
        if z < 0, z1 < 0, z2 < 0 { return max(z, z1, z2) }
        return 0
    }

    private mutating func sum(_ z: Float, _ step: Float, _ shock: Float, _ tick: UInt32) {
        let isTypical = !isGrown
        let clipped = min(max(z, -Self.clip), Self.clip)
        up.add(clipped - allowance, tick: tick, isTypical)
        down.add(-clipped - allowance, tick: tick, isTypical)
        let excess = min(step / stepUsual, Self.clip) - 1
        unsteady.add(excess - Self.stepAllowance, tick: tick, isTypical)
        shockUp.add(shock, isTypical)
        shockDown.add(-shock, isTypical)
        guard !isOpen else { return }
        blockSum += clipped
        blockSteps += excess
        stepMean += (min(step, Self.clip * stepUsual) - stepMean) / Float(min(baseline.points, 2048))
        shockUp.learn(z, isYoung: isTypical)
        shockDown.learn(-z, isYoung: isTypical)
    }

    /// The usual step; one of a quarter of a deviation is nothing, however quiet the series.
    private var stepUsual: Float { max(stepMean, 0.25) }

    private var barUp: Float { bar(up.record, variance, allowance) }
    private var barDown: Float { bar(down.record, variance, allowance) }
    private var barUnsteady: Float { bar(unsteady.record, stepVariance, Self.stepAllowance) }

    /// The sum that an excursion must reach.
    private func bar(_ record: ExcursionRecord, _ variance: Float, _ allowance: Float) -> Float {
        max(Self.shiftMin * max(1, variance) / allowance, Self.shiftMargin * record.usual)
    }

    /// The deviation that a shock must reach.
    private func bar(_ record: ShockRecord) -> Float {
        max(Self.shockMin, Self.tailMargin * record.tail, Self.shockMargin * record.record.usual)
    }

    /// How far the latest points are beyond chance, where 1 is the bar; a sum counts twice its bar at most.
    private mutating func find(
        _ z: Float,
        _ shock: Float,
        _ value: Float,
        _ tick: UInt32,
        _ floor: NoiseFloor
    ) -> Anomaly? {
        // Little is known of a young series.
        let part = Float(Self.youthPoints) / Float(max(1, baseline.points))
        let least = Self.floorsMin * Float(floor.at(level: Double(baseline.expected))) / baseline.scale
        let rise = max(shock / bar(shockUp), min(2, weight(up, allowance, least) / barUp))
        let fall = max(-shock / bar(shockDown), min(2, weight(down, allowance, least) / barDown))
        let steps = weight(unsteady, 1 + Self.stepAllowance, least / stepUsual)
        let noise = min(2, steps / barUnsteady)
        let best = max(rise, fall, noise)
        guard best >= 1 + part * part else { return nil }
        let direction: SeriesAnomaly.Direction = best == rise ? .up : best == fall ? .down : .unsteady
        let found = Anomaly(
            direction: direction,
            onset: onset(direction, shock, z, tick),
            noticed: tick,
            score: best * Self.scoreMin,
            usual: baseline.expected,
            scale: baseline.scale,
            value: value
        )
        baseline.freeze()
        (near, pointsOpen, isOpen) = (0, 0, true)
        return found
    }

    /// The sum of an excursion, or 0 when its mean deviation is too small to matter.
    private func weight(_ excursion: Excursion, _ allowance: Float, _ least: Float) -> Float {
        guard excursion.sum > 0 else { return 0 }
        return excursion.sum / Float(excursion.points) + allowance >= least ? excursion.sum : 0
    }

    // MARK: Following

    private mutating func follow(
        _ open: inout Anomaly,
        _ z: Float,
        _ step: Float,
        _ shock: Float,
        _ value: Float,
        _ tick: UInt32
    ) {
        pointsOpen &+= 1
        // Halfway back to usual counts as back, but never more than three deviations from it.
        func limit(_ excursion: Excursion) -> Float {
            guard excursion.points > 0 else { return 1 }
            return min(3, max(1, (excursion.sum / Float(excursion.points) + allowance) / 2))
        }
        let score: Float
        let isNear: Bool
        switch open.direction {
        case .up:
            score = max(shock / bar(shockUp), min(2, up.sum / barUp))
            isNear = z < limit(up)
        case .down:
            score = max(-shock / bar(shockDown), min(2, down.sum / barDown))
            isNear = -z < limit(down)
        case .unsteady:
            score = min(2, unsteady.sum / barUnsteady)
            isNear = step < 2 * stepUsual
        }
        open.take(value, score: score * Self.scoreMin)
        if isNear {
            if near == 0 { nearSince = tick }
            near += 1
        } else {
            near = near > 2 ? near - 2 : 0
        }
    }

    /// How the anomaly ends now; nil when it goes on.
    private var ending: SeriesAnomaly.State? {
        if near >= Self.recoveredPoints { return .recovered }
        return pointsOpen >= Self.settlePoints ? .settled : nil
    }

    private mutating func end(
        _ open: Anomaly,
        _ state: SeriesAnomaly.State,
        _ tick: UInt32,
        _ floor: NoiseFloor
    ) -> Transition {
        // What was told becomes usual by and by.
        up.end(most: Self.learnedMax * barUp)
        down.end(most: Self.learnedMax * barDown)
        unsteady.end(most: Self.learnedMax * barUnsteady)
        shockUp.end()
        shockDown.end()
        (blockSum, blockSteps, isOpen) = (0, 0, false)
        guard state == .recovered else {
            baseline.adopt(floor: floor)
            return .ended(state, at: tick)
        }
        let blocks = (tick &- open.onset) / (UInt32(SeriesBaseline.blockPoints) * pace) + 1
        baseline.thaw(strayed: Int(min(blocks, 20)))
        return .ended(state, at: nearSince)
    }

    // MARK: When it began

    /// The moment that explains the latest points best, if the change is that recent; else when the sum left zero.
    private func onset(
        _ direction: SeriesAnomaly.Direction,
        _ shock: Float,
        _ z: Float,
        _ tick: UInt32
    ) -> UInt32 {
        let excursion =
            switch direction {
            case .up: up
            case .down: down
            case .unsteady: unsteady
            }
        let kept = min(Int(baseline.points), SeriesBaseline.blockPoints)
        guard excursion.points <= UInt32(kept) || abs(shock) >= Self.shockMin / 2 else {
            return excursion.since
        }
        func away(_ z: Float) -> Float {
            switch direction {
            case .up: min(max(z, -6), 6)
            case .down: min(max(-z, -6), 6)
            case .unsteady: min(abs(z), 6) - 1
            }
        }
        // The latest point is not in the ring yet.
        var sum = away(z)
        var best: (size: Float, back: UInt32) = (sum, 0)
        for back in 0..<kept {
            sum += away((baseline.recent(back) - baseline.expected) / baseline.scale)
            let size = sum / Float(back + 2).squareRoot()
            if size > best.size { best = (size, UInt32(back + 1)) }
        }
        return tick &- best.back * pace
    }

    // MARK: Gaps and new beginnings

    /// Sees to the time since the last point; true when it was so long that all begins anew.
    private mutating func bridge(to tick: UInt32) -> Bool {
        guard last.isFinite else { return false }
        guard tick > lastTick else {
            // The clock was set back: what began, began before.
            if tick < lastTick { drop() }
            return false
        }
        let gap = tick - lastTick
        guard gap > max(Self.gapMax, 3 * pace) else {
            pace = min(pace * 2, gap, Self.awayMax)
            return false
        }
        drop()
        return gap > Self.awayMax
    }

    /// Whether a series that hardly ever fell does so far: a counter that began anew, or a process.
    private mutating func isReset(_ value: Float) -> Bool {
        guard last.isFinite else { return false }
        let grew = rises >= 24 && rises > baseline.points / 4 && falls < rises / 64
        if value > last { rises &+= 1 } else if value < last { falls &+= 1 }
        return grew && !isOpen && last > 0 && value < last / 2
    }

    private mutating func restart() {
        drop()
        baseline.restart()
        (rises, falls, isOpen) = (0, 0, false)
    }

    private mutating func drop() {
        up.drop()
        down.drop()
        unsteady.drop()
        shockUp.drop()
        shockDown.drop()
        (z1, z2) = (0, 0)
    }

    // MARK: Blocks

    /// Learns from a block how noise adds up.
    private mutating func closeBlock() {
        up.fade()
        down.fade()
        unsteady.fade()
        shockUp.fade()
        shockDown.fade()
        guard !isOpen else { return }
        let points = Float(SeriesBaseline.blockPoints)
        let part = 1 / min(48, Float(baseline.points) / points)
        variance += (min(blockSum * blockSum / points, 16 * variance + 16) - variance) * part
        stepVariance += (min(blockSteps * blockSteps / points, 16 * stepVariance + 16) - stepVariance) * part
        (blockSum, blockSteps) = (0, 0)
        allowance = min(2, 0.5 * max(1, variance).squareRoot())
    }
}
