/// A series of one host that is not itself, or lately was not: what, since when, and how much.
///
/// Series are metrics, requests of an endpoint, and log templates alike; the name says which.
package struct SeriesAnomaly: Hashable, Sendable, Codable {
    /// How a series strays.
    package enum Direction: String, Sendable, Codable, CaseIterable {
        case up
        case down
        /// Around its usual level, but further than it does.
        case unsteady
    }

    /// Whether it goes on, and how it ended.
    package enum State: String, Sendable, Codable, CaseIterable {
        /// Still away from usual.
        case open
        /// Came back to what it was.
        case recovered
        /// Stayed for hours; what it is now is taken as usual from then on.
        case settled
        /// No longer measured.
        case lost
    }

    /// With its unit: `disk_busy_ratio`.
    package var name: String
    /// A device, process, endpoint or template; empty for the host.
    package var subject: String
    package var direction: Direction
    package var state: State
    /// When the change began, as well as the series tells.
    package var onset: Timestamp
    /// When it was recognised.
    package var noticed: Timestamp
    /// When it was over; nil while it is open.
    package var ended: Timestamp?
    /// How far beyond the series' own usual excursions, at its worst; 8 is where chance ends, in every series.
    package var score: Double
    /// What was expected.
    package var usual: Double
    /// What chance does to it: one standard deviation.
    package var deviation: Double
    /// The value furthest from usual since the onset.
    package var worst: Double
    /// The latest value.
    package var latest: Double

    package init(
        name: String,
        subject: String,
        direction: Direction,
        state: State,
        onset: Timestamp,
        noticed: Timestamp,
        ended: Timestamp?,
        score: Double,
        usual: Double,
        deviation: Double,
        worst: Double,
        latest: Double
    ) {
        self.name = name
        self.subject = subject
        self.direction = direction
        self.state = state
        self.onset = onset
        self.noticed = noticed
        self.ended = ended
        self.score = score
        self.usual = usual
        self.deviation = deviation
        self.worst = worst
        self.latest = latest
    }

    /// `disk_busy_ratio sda`.
    package var title: String { subject.isEmpty ? name : "\(name) \(subject)" }
}

/// What was not itself on a host.
package struct AnomaliesAnswer: Sendable, Codable {
    /// Open ones first, then the latest; by score among equals.
    package var anomalies: [SeriesAnomaly] = []
    /// Series that are watched.
    package var watched = 0
    /// Of these, series that are too young to be judged.
    package var learning = 0

    package init() {}
}

/// How a host is, in a few hundred bytes: rides on every heartbeat, so that nobody has to ask first.
package struct HealthDigest: Hashable, Sendable, Codable {
    /// The open anomalies with the highest scores, highest first; a handful.
    package var worst: [Line] = []
    /// Series that are not themselves.
    package var open = 0
    /// Anomalies that ended within the last hour.
    package var recent = 0
    /// Series that are watched.
    package var watched = 0
    /// Of these, series that are too young to be judged.
    package var learning = 0
    /// Series that found no room, since the start.
    package var refused = 0

    package init() {}

    /// One anomaly, short.
    package struct Line: Hashable, Sendable, Codable {
        package var name: String
        package var subject: String
        package var direction: SeriesAnomaly.Direction
        package var score: Double
        package var onset: Timestamp
        package var value: Double
        package var usual: Double

        package init(
            name: String,
            subject: String,
            direction: SeriesAnomaly.Direction,
            score: Double,
            onset: Timestamp,
            value: Double,
            usual: Double
        ) {
            self.name = name
            self.subject = subject
            self.direction = direction
            self.score = score
            self.onset = onset
            self.value = value
            self.usual = usual
        }

        package init(_ anomaly: SeriesAnomaly) {
            self.init(
                name: anomaly.name,
                subject: anomaly.subject,
                direction: anomaly.direction,
                score: anomaly.score,
                onset: anomaly.onset,
                value: anomaly.latest,
                usual: anomaly.usual
            )
        }

        /// `disk_busy_ratio sda 8.2 since 02:13`.
        package var text: String {
            let title = subject.isEmpty ? name : "\(name) \(subject)"
            let score = (score * 10).rounded() / 10
            return "\(title) \(score) since \(onset.timeOfDay.prefix(5))"
        }
    }

    /// The worst of it in one line; empty when the host is well.
    package var text: String {
        guard let first = worst.first else { return open > 0 ? "\(open) series" : "" }
        return open > 1 ? "\(first.text) (+\(open - 1))" : first.text
    }

    /// For sorting hosts, sickest first: the highest score, then how many series.
    package var severity: (score: Double, open: Int) { (worst.first?.score ?? 0, open) }
}
