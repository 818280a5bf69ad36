import MusterCore

/// Watches all series and log templates of a host, and keeps what it noticed for a day.
///
/// An engine: it takes points of ten seconds and changes its state; whoever feeds it asks it for lists and digests.
/// Memory is bounded by ``seriesMax`` and ``keptMax``: about 100 KiB for 200 series. A series that had no point for an
/// hour makes room for a new one.
package struct AnomalyWatch: Sendable {
    /// Series that are watched at most; what is more is counted as refused.
    package static let seriesMax = 1_024
    /// Anomalies that are over and still told of.
    package static let keptMax = 256
    /// How long they are told of, in ticks: a day.
    private static let keptTicks: UInt32 = 8_640
    /// Ticks without a point after which a series may lose its place: an hour.
    private static let staleTicks: UInt32 = 360
    /// Lines of a digest at most.
    private static let digestLines = 5

    private struct Name: Hashable {
        let name: String
        let subject: String
    }

    private struct Watched {
        let name: Name
        let floor: NoiseFloor
        var detector = SeriesDetector()
        var seen: UInt32
    }

    /// A series by its place, or a template by its id.
    private enum Key: Hashable {
        case series(Int)
        case template(UInt64)
    }

    private var series: [Watched] = []
    private var places: [Name: Int] = [:]
    private var templates = TemplateRates()
    private var open: [Key: (name: Name, anomaly: Anomaly)] = [:]
    /// Those that are over, oldest first.
    private var past: [(name: Name, anomaly: Anomaly)] = []
    /// Series that found no room, since the start; told with each digest.
    private var refused = 0
    private var now: UInt32 = 0

    package init() {}

    /// The tick of a moment: ten seconds each, since 1970.
    package static func tick(of time: Timestamp) -> UInt32 {
        UInt32(clamping: time.nanoseconds / 10_000_000_000)
    }

    private static func time(of tick: UInt32) -> Timestamp {
        // Beyond the last moment that there is, there is the last moment.
        Timestamp(nanoseconds: Int64(min(tick, 922_337_203)) * 10_000_000_000)
    }

    /// Takes in one point of a series: its mean over the ten seconds of the tick, or its value then.
    ///
    /// What is not finite is a gap. Ticks of one series must not go back; one that does is left out.
    package mutating func add(_ value: Double, name: String, subject: String, tick: UInt32) {
        guard let place = place(of: Name(name: name, subject: subject), tick: tick) else { return }
        guard tick >= series[place].seen else { return clockWentBack(to: tick) }
        series[place].seen = tick
        now = max(now, tick)
        let key = Key.series(place)
        var anomaly = series[place].detector.isOpen ? open[key]?.anomaly : nil
        let transition = series[place].detector.add(
            Float(value),
            tick: tick,
            floor: series[place].floor,
            anomaly: &anomaly
        )
        if let anomaly { open[key]?.anomaly = anomaly }
        switch transition {
        case .began(let found)?: open[key] = (series[place].name, found)
        case .ended(let state, let at)?: close(key, state, at)
        case nil: break
        }
    }

    /// Name of the series that a template's lines make: how many there are in a minute.
    package static let templateName = "log_lines_per_minute"

    /// Counts the lines of a log template in the tick under way; see ``endTick(_:pattern:)``.
    package mutating func add(lines count: Int, of template: UInt64, level: LogLevel?) {
        templates.add(count, of: template, level: level)
    }

    /// All lines before this tick have been counted.
    ///
    /// `pattern` gives the text of a template, and is asked only for those that are told of; nil for one that is no
    /// template of its own any more, whose silence is no news.
    package mutating func endTick(_ tick: UInt32, pattern: (UInt64) -> String?) {
        now = max(now, tick)
        for (id, change) in templates.advance(to: tick) {
            let key = Key.template(id)
            switch change {
            case .began(var found):
                guard let text = pattern(id) else { continue }
                found.noticed = tick
                open[key] = (Name(name: Self.templateName, subject: text), found)
            case .goes(var found):
                found.noticed = open[key]?.anomaly.noticed ?? tick
                open[key]?.anomaly = found
            case .ended(let state, let at): close(key, state, at)
            }
        }
    }

    /// What goes on, and what was over inside the window, of series whose name begins with `prefix`.
    ///
    /// Open ones first, then those that ended last; the higher score first among equals.
    package func anomalies(window: TimeWindow, prefix: String) -> AnomaliesAnswer {
        var answer = AnomaliesAnswer()
        answer.watched = series.count
        answer.learning = series.count { !$0.detector.isGrown }
        let going = open.values.map { Self.told($0.name, $0.anomaly) }.filter {
            $0.name.hasPrefix(prefix) && $0.onset < window.to
        }
        let over = past.map { Self.told($0.name, $0.anomaly) }.filter {
            $0.name.hasPrefix(prefix) && $0.onset < window.to && $0.ended ?? window.from >= window.from
        }
        answer.anomalies =
            going.sorted { ($1.score, $0.title) < ($0.score, $1.title) }
            + over.sorted {
                ($1.ended ?? .zero, $1.score, $0.title) < ($0.ended ?? .zero, $0.score, $1.title)
            }
        return answer
    }

    /// How the host is, in short.
    package var digest: HealthDigest {
        var digest = HealthDigest()
        let sorted = open.values.sorted {
            ($1.anomaly.score, $0.name.name, $0.name.subject)
                < ($0.anomaly.score, $1.name.name, $1.name.subject)
        }
        digest.worst = sorted.prefix(Self.digestLines).map { .init(Self.told($0.name, $0.anomaly)) }
        digest.open = open.count
        digest.recent = past.count { $0.anomaly.ended &+ Self.staleTicks >= now }
        digest.watched = series.count
        digest.learning = series.count { !$0.detector.isGrown }
        digest.refused = refused + templates.refused
        return digest
    }

    // MARK: Parts

    private mutating func place(of name: Name, tick: UInt32) -> Int? {
        if let known = places[name] { return known }
        let new = Watched(name: name, floor: NoiseFloor(of: name.name), seen: tick)
        if series.count < Self.seriesMax {
            places[name] = series.count
            series.append(new)
            return series.count - 1
        }
        guard let stalest = series.indices.min(by: { series[$0].seen < series[$1].seen }),
            series[stalest].seen &+ Self.staleTicks < tick
        else {
            refused += 1
            return nil
        }
        close(.series(stalest), .lost, series[stalest].seen)
        places[series[stalest].name] = nil
        places[name] = stalest
        series[stalest] = new
        return stalest
    }

    private mutating func close(_ key: Key, _ state: SeriesAnomaly.State, _ at: UInt32) {
        guard var ended = open.removeValue(forKey: key) else { return }
        ended.anomaly.state = state
        ended.anomaly.ended = max(at, ended.anomaly.onset)
        past.append(ended)
        let outdated = past.prefix { $0.anomaly.ended &+ Self.keptTicks < now }.count
        past.removeFirst(max(outdated, past.count - Self.keptMax))
    }

    /// The clock was set back: what was seen lies in the future, and a series must not wait until then.
    private mutating func clockWentBack(to tick: UInt32) {
        // The last tick may come twice when its mean and its rest are told apart.
        guard now > tick, now - tick > 1 else { return }
        for place in series.indices { series[place].seen = min(series[place].seen, tick) }
        now = tick
    }

    private static func told(_ name: Name, _ anomaly: Anomaly) -> SeriesAnomaly {
        SeriesAnomaly(
            name: name.name,
            subject: name.subject,
            direction: anomaly.direction,
            state: anomaly.state,
            onset: time(of: anomaly.onset),
            noticed: time(of: anomaly.noticed),
            ended: anomaly.ended == 0 ? nil : time(of: anomaly.ended),
            score: Double(anomaly.score),
            usual: Double(anomaly.usual),
            deviation: Double(anomaly.scale),
            worst: Double(anomaly.worst),
            latest: Double(anomaly.latest)
        )
    }
}
