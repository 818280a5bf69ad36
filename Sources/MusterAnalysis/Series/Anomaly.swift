import MusterCore

/// What a ``SeriesDetector`` found; ``SeriesAnomaly`` is the same with a name, in times.
struct Anomaly: Hashable, Sendable {
    var direction: SeriesAnomaly.Direction
    var state: SeriesAnomaly.State = .open
    /// Ticks of ten seconds since 1970.
    var onset: UInt32
    /// When it was recognised.
    var noticed: UInt32
    /// When it was over; 0 while it is open.
    var ended: UInt32 = 0
    /// How far beyond the series' own usual excursions, at its worst; 8 is where chance ends, in every series.
    var score: Float
    /// What was expected, and what chance does to it (one standard deviation).
    var usual: Float
    var scale: Float
    /// The value that was furthest from usual.
    var worst: Float
    /// The latest value.
    var latest: Float

    init(
        direction: SeriesAnomaly.Direction,
        onset: UInt32,
        noticed: UInt32,
        score: Float,
        usual: Float,
        scale: Float,
        value: Float
    ) {
        self.direction = direction
        self.onset = onset
        self.noticed = noticed
        self.score = min(score, Self.scoreMax)
        self.usual = usual
        self.scale = scale
        self.worst = value
        self.latest = value
    }

    /// A score beyond this says nothing more.
    static let scoreMax: Float = 1000

    /// One more point of it.
    mutating func take(_ value: Float, score: Float) {
        latest = value
        self.score = min(max(self.score, score), Self.scoreMax)
        let isWorse =
            switch direction {
            case .up: value > worst
            case .down: value < worst
            case .unsteady: abs(value - usual) > abs(worst - usual)
            }
        if isWorse { worst = value }
    }
}
