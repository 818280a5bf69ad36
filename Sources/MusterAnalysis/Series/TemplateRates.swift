import MusterCore

/// Watches how often each log template comes: which is new, which is gone, which comes more often.
///
/// Counts come per ten seconds and are judged by the minute. A template's usual rate and how much it varies (more than
/// Poisson's law says, when lines come in bursts) are learnt over two hours. *New* is one first seen after the watch
/// is an hour old, weighed by level and count, so that one fatal line is told at once and a line of information when
/// it came eight times. *More* is a rate eight deviations above usual for two minutes. *Gone* is silence in which a
/// dozen lines were due, or a dozen bursts.
///
/// 48 bytes a template; about 10 ns a minute for each.
struct TemplateRates {
    enum Transition {
        case began(Anomaly)
        /// It goes on, and is now so.
        case goes(Anomaly)
        case ended(SeriesAnomaly.State, at: UInt32)
    }

    fileprivate enum Condition: UInt8 {
        case usual
        case new
        case more
        case gone
    }

    fileprivate struct Template {
        let level: LogLevel?
        var condition = Condition.usual
        /// Minutes in a row that speak for a change, or for its end.
        var votes: UInt8 = 0
        /// Lines of the minute under way, and of the minute before when that one spoke for a change.
        var count: UInt32 = 0
        var before: UInt32 = 0
        /// Since its first line.
        var minutes: UInt32 = 0
        /// Minutes since its last line.
        var silent: UInt32 = 0
        /// Lines a minute, and their variance.
        var mean: Float = 0
        var variance: Float = 0
        /// Tick of the minute in which the change began.
        var onset: UInt32 = 0
        var score: Float = 0
        var worst: Float = 0
    }

    static let templatesMax = 4_096
    fileprivate static let ticksPerMinute: UInt32 = 6
    /// Minutes that the watch, and each template, must be known before it can change.
    fileprivate static let learningMinutes: UInt32 = 60
    fileprivate static let youngMinutes: UInt32 = 30
    fileprivate static let settleMinutes: UInt32 = 240

    private var templates: [UInt64: Template] = [:]
    private var minute: UInt32?
    private var minutes: UInt32 = 0
    /// Templates that found no room.
    private(set) var refused = 0

    /// Adds the lines of a template in one tick.
    mutating func add(_ count: Int, of id: UInt64, level: LogLevel?) {
        guard count > 0 else { return }
        if templates[id] == nil {
            guard templates.count < Self.templatesMax else {
                refused += 1
                return
            }
            var template = Template(level: level)
            if minutes >= Self.learningMinutes { template.condition = .new }
            templates[id] = template
        }
        let before = templates[id]?.count ?? 0
        templates[id]?.count = before.addingClamped(UInt32(clamping: count))
    }

    /// Ends the minutes before `tick`; gives what changed.
    mutating func advance(to tick: UInt32) -> [(id: UInt64, change: Transition)] {
        let now = tick / Self.ticksPerMinute
        defer { minute = now }
        guard let minute, now > minute else { return [] }
        var changes: [(id: UInt64, change: Transition)] = []
        // A long sleep of the host is a few silent minutes, not hours of them.
        for step in 0..<min(now - minute, 3) {
            minutes += 1
            let ended = (minute + step) * Self.ticksPerMinute
            var index = templates.startIndex
            while index != templates.endIndex {
                if let change = templates.values[index].endMinute(ended) {
                    changes.append((templates.keys[index], change))
                }
                templates.formIndex(after: &index)
            }
        }
        if templates.count > Self.templatesMax / 2 { forget() }
        return changes
    }

    /// Templates that were rare and have been silent for a day make room.
    private mutating func forget() {
        templates = templates.filter { $0.value.silent < 1440 || $0.value.condition != .usual }
    }
}

extension TemplateRates.Template {
    /// How many times more than Poisson's law says a count varies.
    private var dispersion: Float { max(1, variance / max(mean, 0.01)) }

    fileprivate mutating func endMinute(_ tick: UInt32) -> TemplateRates.Transition? {
        let lines = Float(count)
        silent = count > 0 ? 0 : silent &+ 1
        defer {
            count = 0
            minutes = minutes.addingClamped(1)
        }
        switch condition {
        case .usual: return watch(lines, tick)
        case .new: return followNew(lines, tick)
        case .more: return followMore(lines, tick)
        case .gone: return followGone(lines, tick)
        }
    }

    private mutating func watch(_ lines: Float, _ tick: UInt32) -> TemplateRates.Transition? {
        let deviation = (variance + mean + 1).squareRoot()
        let z = (lines - mean) / deviation
        if minutes >= TemplateRates.youngMinutes {
            if z >= SeriesDetector.scoreMin, lines >= 3 * mean {
                votes += 1
                if votes == 1 { (onset, worst, score) = (tick, lines, z) }
                worst = max(worst, lines)
                score = min(score, z)
                // Not learnt: the next minute decides.
                guard votes >= 2 else { return nil }
                return begin(.more)
            }
            let due = mean * Float(silent) / dispersion
            if silent >= 3, due >= 12 {
                onset = tick &- (silent - 1) &* TemplateRates.ticksPerMinute
                (worst, score) = (0, due / 12 * SeriesDetector.scoreMin)
                return begin(.gone)
            }
        }
        votes = 0
        learn(lines, deviation)
        return nil
    }

    private mutating func learn(_ lines: Float, _ deviation: Float) {
        let weight = 1 / Float(min(minutes, 119) + 1)
        let bounded = minutes < 10 ? lines : min(lines, mean + 8 * deviation)
        let miss = bounded - mean
        mean += miss * weight
        variance += (miss * miss - variance) * weight
    }

    private mutating func begin(_ condition: TemplateRates.Condition) -> TemplateRates.Transition {
        self.condition = condition
        votes = 0
        return .began(told)
    }

    private var told: Anomaly {
        var anomaly = Anomaly(
            direction: condition == .gone ? .down : .up,
            onset: onset,
            noticed: onset,
            score: score,
            usual: condition == .new ? 0 : mean,
            scale: (variance + mean).squareRoot(),
            value: worst
        )
        anomaly.latest = Float(count)
        return anomaly
    }

    private mutating func end(_ state: SeriesAnomaly.State, _ tick: UInt32) -> TemplateRates.Transition {
        condition = .usual
        votes = 0
        return .ended(state, at: tick)
    }

    /// What a line of each level weighs while its template is new.
    private var weight: Float {
        switch level {
        case .fatal: 8
        case .error: 6
        case .warning: 4
        case .info, .debug, nil: 2
        }
    }

    /// Until it was told and an hour passed, or until it is too old to be new.
    private mutating func followNew(_ lines: Float, _ tick: UInt32) -> TemplateRates.Transition? {
        let wasTold = score >= SeriesDetector.scoreMin
        if minutes == 0 { (onset, before) = (tick, 0) }
        before = before.addingClamped(count)
        worst = max(worst, lines)
        // One and a half for each doubling.
        let doublings = Float(32 - max(1, before).leadingZeroBitCount)
        score = max(score, weight * doublings)
        learn(lines, (variance + mean + 1).squareRoot())
        if wasTold, silent >= 10 { return end(.recovered, tick &- 9 &* TemplateRates.ticksPerMinute) }
        if minutes >= TemplateRates.learningMinutes {
            let transition = end(.settled, tick)
            return wasTold ? transition : nil
        }
        guard score >= SeriesDetector.scoreMin else { return nil }
        return wasTold ? .goes(told) : .began(told)
    }

    private mutating func followMore(_ lines: Float, _ tick: UInt32) -> TemplateRates.Transition {
        let z = (lines - mean) / (variance + mean + 1).squareRoot()
        worst = max(worst, lines)
        score = max(score, z)
        votes = z < 3 ? votes + 1 : 0
        if votes >= 3 { return end(.recovered, tick &- 2 &* TemplateRates.ticksPerMinute) }
        return age(tick) >= TemplateRates.settleMinutes ? settle(lines, tick) : .goes(told)
    }

    private mutating func followGone(_ lines: Float, _ tick: UInt32) -> TemplateRates.Transition {
        if lines > 0 { return end(.recovered, tick) }
        let due = mean * Float(silent) / dispersion
        score = min(max(score, due / 12 * SeriesDetector.scoreMin), Anomaly.scoreMax)
        return age(tick) >= TemplateRates.settleMinutes ? settle(lines, tick) : .goes(told)
    }

    private func age(_ tick: UInt32) -> UInt32 { (tick &- onset) / TemplateRates.ticksPerMinute }

    /// What it is now is usual from here on.
    private mutating func settle(_ lines: Float, _ tick: UInt32) -> TemplateRates.Transition {
        (mean, variance, minutes) = (lines, lines, 0)
        return end(.settled, tick)
    }
}

extension UInt32 {
    fileprivate func addingClamped(_ other: UInt32) -> UInt32 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }
}
