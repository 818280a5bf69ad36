import MusterCore

/// Chooses which log lines are looked at, so that a flood of them costs no more CPU time than is allowed.
///
/// CPU time is earned with the passing of time and saved up for a few seconds, so that a short burst is looked at whole.
/// When it runs short, one line of each `every` that follow each other is chosen at random, and stands for all of
/// them; the rest are only counted. How many was enough in one tick is where the next begins.
struct LineSampler {
    /// One line in so many is looked at; 1 for all.
    private(set) var every = 1
    /// Lines that were not looked at, since the start.
    private(set) var skipped: UInt64 = 0
    private(set) var lines: UInt64 = 0

    private let ratioMax: Double
    /// Seconds of CPU time that may be spent now.
    private var saved: Double
    private var lastAt: Double?
    /// What this tick may spend before it samples more, and what it has spent.
    private var allowed = 0.0
    private var atMost = Double.infinity
    private var spent = 0.0
    private var startedAt = 0.0
    /// Lines of this group that are still to come, and which of them is the chosen one.
    private var groupLeft = 0
    private var chosen = 0
    private var random: UInt64

    private static let everyMax = 4_096
    /// What can be saved up, in seconds at the allowed rate.
    private static let savedSecondsMax = 4.0
    /// A tick may always spend this, in seconds.
    private static let spentMin = 0.002

    /// `ratioMax` is the share of one CPU.
    init(ratioMax: Double, seed: UInt64 = UInt64.random(in: 1 ... .max)) {
        self.ratioMax = ratioMax
        saved = ratioMax * Self.savedSecondsMax
        random = seed | 1
    }

    /// A tick begins; `cpu` is the CPU time of this thread and `now` any clock that goes forward, in seconds.
    ///
    /// It ends after `atMost` seconds of CPU time, which is no reason to sample.
    mutating func begin(cpu: Double, now: Double, atMost: Double = .infinity) {
        self.atMost = atMost
        if let lastAt {
            saved = min(saved + max(0, now - lastAt) * ratioMax, ratioMax * Self.savedSecondsMax)
        }
        lastAt = now
        startedAt = cpu
        spent = 0
        allowed = max(saved, Self.spentMin)
    }

    /// Some lines were taken; samples more when the rest of the tick would else cost too much.
    ///
    /// Returns false when the tick has to end, with lines left for the next.
    mutating func spend(cpu: Double) -> Bool {
        let before = spent
        spent = max(0, cpu - startedAt)
        // At a half, three quarters, seven eighths … of what is allowed: each costs at most half of what is left.
        var mark = 0.5
        while mark < 1 - 1.0 / 1_024 {
            if before < allowed * mark, spent >= allowed * mark { sample(min(every * 4, Self.everyMax)) }
            mark = (1 + mark) / 2
        }
        return spent < min(allowed, atMost)
    }

    /// The tick is over.
    ///
    /// Without a backlog it goes back towards every line, by half a tick.
    mutating func end() {
        saved -= spent
        // What one second may cost; a tick that cost much less could have looked at more.
        if every > 1, spent < ratioMax / 3 { sample(max(1, every / 2)) }
    }

    /// Whether the next line is to be looked at; it then stands for ``every`` lines.
    mutating func choose() -> Bool {
        lines += 1
        guard every > 1 else { return true }
        if groupLeft == 0 {
            groupLeft = every
            // xorshift64 (Marsaglia, 2003): the choice must be independent of the log, not secret.
            random ^= random << 13
            random ^= random >> 7
            random ^= random << 17
            chosen = Int(random >> 33) % every + 1
        }
        defer { groupLeft -= 1 }
        if groupLeft == chosen { return true }
        skipped += 1
        return false
    }

    private mutating func sample(_ every: Int) {
        self.every = every
        groupLeft = 0
    }
}
