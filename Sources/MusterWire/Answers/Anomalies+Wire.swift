import MusterCore

extension WireAnomaliesAnswer {
    init(_ answer: AnomaliesAnswer) {
        self.init()
        anomalies = answer.anomalies.map { WireAnomaly($0) }
        watched = Fields.small(answer.watched)
        learning = Fields.small(answer.learning)
    }
}

extension AnomaliesAnswer {
    init(_ wire: WireAnomaliesAnswer) {
        self.init()
        anomalies = wire.anomalies.map { SeriesAnomaly($0) }
        watched = Int(wire.watched)
        learning = Int(wire.learning)
    }
}

extension WireAnomaly {
    init(_ anomaly: SeriesAnomaly) {
        self.init()
        name = Fields.clipped(anomaly.name, max: 128)
        subject = Fields.clipped(anomaly.subject, max: 256)
        direction = WireAnomalyDirection(anomaly.direction)
        state = WireAnomalyState(anomaly.state)
        onsetAtNs = anomaly.onset.nanoseconds
        noticedAtNs = anomaly.noticed.nanoseconds
        endedAtNs = anomaly.ended?.nanoseconds ?? 0
        score = Float(anomaly.score)
        usual = anomaly.usual
        deviation = anomaly.deviation
        worst = anomaly.worst
        latest = anomaly.latest
    }
}

extension SeriesAnomaly {
    init(_ wire: WireAnomaly) {
        self.init(
            name: wire.name,
            subject: wire.subject,
            direction: Direction(wire.direction),
            state: State(wire.state),
            onset: Fields.time(wire.onsetAtNs),
            noticed: Fields.time(wire.noticedAtNs),
            ended: Fields.optionalTime(wire.endedAtNs),
            score: Fields.finite(Double(wire.score)),
            usual: Fields.finite(wire.usual),
            deviation: Fields.finite(wire.deviation),
            worst: Fields.finite(wire.worst),
            latest: Fields.finite(wire.latest)
        )
    }
}

extension WireAnomalyDirection {
    init(_ direction: SeriesAnomaly.Direction) {
        switch direction {
        case .up: self = .up
        case .down: self = .down
        case .unsteady: self = .unsteady
        }
    }
}

extension SeriesAnomaly.Direction {
    /// What a newer agent may call otherwise is at least not usual.
    init(_ wire: WireAnomalyDirection) {
        switch wire {
        case .up: self = .up
        case .down: self = .down
        default: self = .unsteady
        }
    }
}

extension WireAnomalyState {
    init(_ state: SeriesAnomaly.State) {
        switch state {
        case .open: self = .open
        case .recovered: self = .recovered
        case .settled: self = .settled
        case .lost: self = .lost
        }
    }
}

extension SeriesAnomaly.State {
    init(_ wire: WireAnomalyState) {
        switch wire {
        case .recovered: self = .recovered
        case .settled: self = .settled
        case .lost: self = .lost
        default: self = .open
        }
    }
}
