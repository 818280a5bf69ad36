/// The largest excursions that a series made of late: what is usual for it at its worst.
///
/// The third largest counts, so that two incidents do not hide a third one, and a nightly job is taken for granted
/// once it was seen three times. Sizes fade by half in five days.
struct ExcursionRecord {
    private var first: Float = 0
    private var second: Float = 0
    private var third: Float = 0

    /// Half of it is left after five days of blocks.
    private static let fading: Float = 0.999_6

    /// What the series reaches now and then.
    var usual: Float { third }

    /// Takes in an excursion; one that is typical counts as if it had been seen three times.
    mutating func insert(_ size: Float, isTypical: Bool = false) {
        guard size > third else { return }
        if isTypical {
            (first, second, third) = (max(first, size), max(second, size), size)
        } else if size > first {
            (first, second, third) = (size, first, second)
        } else if size > second {
            (second, third) = (size, second)
        } else {
            third = size
        }
    }

    /// One block of points went by.
    mutating func fade() {
        first *= Self.fading
        second *= Self.fading
        third *= Self.fading
    }
}

/// A cumulative sum of deviations beyond what chance allows, and the excursion under way.
///
/// Page's test (1954): the sum falls back to zero as long as nothing happens, and the moment at which it last left
/// zero tells when a change began.
struct Excursion {
    private(set) var sum: Float = 0
    private(set) var points: UInt32 = 0
    /// Tick of the first point of the excursion.
    private(set) var since: UInt32 = 0
    private var peak: Float = 0
    private(set) var record = ExcursionRecord()

    /// Nothing larger needs telling apart.
    private static let sumMax: Float = 65_536

    /// Adds the deviation of one point, what chance allows taken off already.
    mutating func add(_ deviation: Float, tick: UInt32, _ isTypical: Bool) {
        if sum == 0 { (points, since) = (0, tick) }
        sum = min(sum + deviation, Self.sumMax)
        points &+= 1
        peak = max(peak, sum)
        guard sum <= 0 else { return }
        sum = 0
        record.insert(peak, isTypical: isTypical)
        peak = 0
    }

    /// Ends the excursion; not more than `most` of it becomes usual.
    mutating func end(most: Float) {
        record.insert(min(peak, most))
        drop()
    }

    /// Forgets the excursion: it can't be followed any further.
    mutating func drop() { (sum, peak) = (0, 0) }

    mutating func fade() { record.fade() }
}

/// How far shocks to one side go by chance: those of the last days, and the deviation that one point of a hundred
/// passes.
struct ShockRecord {
    /// Deviation that one point of a hundred passes.
    private(set) var tail: Float = 3
    private var peak: Float = 0
    private(set) var record = ExcursionRecord()

    /// Takes in the shock of the moment; its size becomes usual when it is over.
    mutating func add(_ shock: Float, _ isTypical: Bool) {
        if shock > 1 {
            peak = max(peak, shock)
        } else if peak > 0 {
            record.insert(peak, isTypical: isTypical)
            peak = 0
        }
    }

    /// Moves the tail a little up when a point passes it, and a hundredth of that down when it does not.
    mutating func learn(_ deviation: Float, isYoung: Bool) {
        if isYoung {
            tail *= deviation > tail ? 1.64 : 0.995
        } else {
            tail *= deviation > tail ? 1.104 : 0.999
        }
        tail = max(tail, 2)
    }

    mutating func end() {
        record.insert(peak)
        peak = 0
    }

    mutating func drop() { peak = 0 }

    mutating func fade() { record.fade() }
}
