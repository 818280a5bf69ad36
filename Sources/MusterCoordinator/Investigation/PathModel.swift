import MusterCause
import MusterCore

#if canImport(Glibc)
import Glibc
#endif

/// What is wrong between hosts and a far end that answers late, seldom or never.
///
/// Lost packets, a wall, a slow way and a deaf server all look alike in one check. They differ in how several of them go,
/// in whether segments are sent again at both ends, and in what the far end says of its socket. Each scene that may be
/// behind it says how probable each of these is; Bayes' rule does the rest. The numbers are judgement, with the reasons beside
/// them.
enum PathModel {
    /// What one host that is in trouble with the far end sees.
    struct View: Hashable, Sendable {
        /// How often its latest checks went each way.
        var outcomes: [CheckOutcome: Int] = [:]
        /// Whether its check was still waiting when the question ended.
        var isWaiting = false
        /// Share of its segments that is sent again; nil when that is not known.
        var resent: Double?
    }

    /// What the far end says of itself.
    struct FarEnd: Hashable, Sendable {
        /// Connections that wait there to be accepted; nil when that is not known.
        var waiting: Int?
        /// Share of its segments that is sent again; nil when that is not known.
        var resent: Double?
    }

    /// What it most probably is.
    struct Judgement: Hashable, Sendable {
        var kind: CauseKind
        /// 0 to 1.
        var probability: Double
    }

    /// Judges what `views` have in common; `isWellForOthers` says that further hosts have no trouble with the same far end.
    ///
    /// Nil when nothing was seen at all.
    static func judge(_ views: [View], far: FarEnd, isWellForOthers: Bool) -> Judgement? {
        guard views.contains(where: { $0.isWaiting || !$0.outcomes.isEmpty }) else { return nil }
        var weights: [CauseKind: Double] = [:]
        let scores = Scene.all.map { $0.score(views, far, isWellForOthers: isWellForOthers) }
        guard let best = scores.max() else { return nil }
        for (scene, score) in zip(Scene.all, scores) { weights[scene.kind, default: 0] += exp(score - best) }
        let total = weights.values.reduce(0, +)
        let first = weights.max { ($0.value, $1.key.rawValue) < ($1.value, $0.key.rawValue) }
        return first.map { Judgement(kind: $0.key, probability: $0.value / total) }
    }

    // MARK: Scenes

    /// Probabilities of one state of affairs; those of outcomes need not sum to 1, since only their ratios count.
    private struct Scene {
        let kind: CauseKind
        /// Before anything is seen.
        let prior: Double
        /// In the order of ``CheckOutcome``: prompt, slow answer, slow connection, resent, unanswered, unconnected.
        let outcomes: [Double]
        /// That a check still waits after a second.
        let waits: Double
        /// That next to none, some or many of the segments are sent again at a host that looks, and at the far end.
        let near: [Double]
        let far: [Double]
        /// That connections wait at the far end to be accepted.
        let queue: Double
        /// Whether all who look suffer it.
        var isOfServer = false

        static let all = [
            // Of ten packets one, three and five get lost each way: a connection takes one packet each way to begin with, an
            // answer another, and each is sent again, the first after a second, what follows sooner.
            Scene(
                kind: .networkLoss,
                prior: 1,
                outcomes: [0.66, 0.14, 0.01, 0.14, 0.02, 0.03],
                waits: 0.1,
                near: [0.25, 0.65, 0.1],
                far: [0.25, 0.65, 0.1],
                queue: 0.07
            ),
            Scene(
                kind: .networkLoss,
                prior: 1,
                outcomes: [0.24, 0.2, 0.015, 0.235, 0.11, 0.2],
                waits: 0.45,
                near: [0.15, 0.5, 0.35],
                far: [0.15, 0.45, 0.4],
                queue: 0.07
            ),
            Scene(
                kind: .networkLoss,
                prior: 0.7,
                outcomes: [0.06, 0.12, 0.02, 0.15, 0.2, 0.45],
                waits: 0.8,
                near: [0.15, 0.4, 0.45],
                far: [0.15, 0.35, 0.5],
                queue: 0.07
            ),
            // A wall: nothing goes through. What was open when it came up waits for its answer.
            Scene(
                kind: .network,
                prior: 1,
                outcomes: [0.005, 0.005, 0.005, 0.005, 0.05, 0.93],
                waits: 0.98,
                near: [0.45, 0.4, 0.15],
                far: [0.6, 0.25, 0.15],
                queue: 0.07
            ),
            // Packets come late, all of them and all by as much: by less than what makes a sender send again, or by more.
            Scene(
                kind: .networkDelay,
                prior: 1,
                outcomes: [0.04, 0.05, 0.87, 0.02, 0.01, 0.01],
                waits: 0.2,
                near: [0.85, 0.12, 0.03],
                far: [0.85, 0.12, 0.03],
                queue: 0.07
            ),
            Scene(
                kind: .networkDelay,
                prior: 0.3,
                outcomes: [0.01, 0.02, 0.03, 0.85, 0.05, 0.04],
                waits: 0.9,
                near: [0.3, 0.4, 0.3],
                far: [0.4, 0.35, 0.25],
                queue: 0.07
            ),
            // Its kernel accepts, nobody reads: until its queue is full, and then no packet is answered.
            Scene(
                kind: .dependencyHung,
                prior: 1,
                outcomes: [0.01, 0.02, 0.005, 0.01, 0.935, 0.02],
                waits: 0.98,
                near: [0.88, 0.1, 0.02],
                far: [0.9, 0.08, 0.02],
                queue: 0.6,
                isOfServer: true
            ),
            Scene(
                kind: .dependencyHung,
                prior: 0.5,
                outcomes: [0.02, 0.02, 0.01, 0.05, 0.3, 0.6],
                waits: 0.97,
                near: [0.35, 0.5, 0.15],
                far: [0.6, 0.3, 0.1],
                queue: 0.97,
                isOfServer: true
            ),
            // It has more to do than it can: connections are prompt and answers late, or its queue runs over now and then.
            Scene(
                kind: .defect,
                prior: 1,
                outcomes: [0.2, 0.67, 0.015, 0.005, 0.1, 0.01],
                waits: 0.4,
                near: [0.93, 0.06, 0.01],
                far: [0.93, 0.06, 0.01],
                queue: 0.3,
                isOfServer: true
            ),
            Scene(
                kind: .defect,
                prior: 0.3,
                outcomes: [0.25, 0.28, 0.02, 0.2, 0.15, 0.1],
                waits: 0.5,
                near: [0.35, 0.5, 0.15],
                far: [0.6, 0.3, 0.1],
                queue: 0.9,
                isOfServer: true
            ),
        ]

        /// What everybody would suffer is improbable where others don't.
        private static let wellForOthers = 0.1
        /// Checks that follow each other are no independent witnesses.
        private static let tempered = 0.8

        /// Logarithm of how probable all of it is here.
        func score(_ views: [View], _ far: FarEnd, isWellForOthers: Bool) -> Double {
            var score = log(prior)
            for view in views {
                for (outcome, probability) in zip(CheckOutcome.allCases, outcomes) {
                    score += Self.tempered * Double(view.outcomes[outcome] ?? 0) * log(probability)
                }
                if view.isWaiting { score += log(waits) }
            }
            // What one of them sends again on that way the others do too.
            if let level = Self.level(views.compactMap(\.resent).max()) { score += log(near[level]) }
            if let level = Self.level(far.resent) { score += log(self.far[level]) }
            if let waiting = far.waiting { score += log(waiting > 0 ? queue : 1 - queue) }
            if isOfServer, isWellForOthers { score += log(Self.wellForOthers) }
            return score
        }

        /// Next to none, some, many.
        private static func level(_ share: Double?) -> Int? {
            guard let share else { return nil }
            return share < NetworkFindings.hintFrom ? 0 : share < 0.1 ? 1 : 2
        }
    }
}

extension PathModel.View {
    /// What a check and those before it say; of agents that don't count, the check alone.
    init(_ check: DependencyCheck, _ trouble: DependencyTrouble?, resent: Double?) {
        self.resent = resent
        for outcome in CheckOutcome.allCases {
            let count = check.values[outcome.valueName] ?? 0
            if count >= 1 { outcomes[outcome] = Int(min(count, Double(CheckOutcome.recentMax))) }
        }
        isWaiting = !check.healthy && check.reason.hasPrefix("no answer within")
        guard outcomes.isEmpty, !isWaiting else { return }
        if check.healthy {
            let outcome = CheckOutcome(check, timeout: nil)
            if let outcome, outcome != .prompt { outcomes = [outcome: 1] }
        } else if let trouble {
            if trouble.isSilent { outcomes = [.unconnected: 1] }
            if trouble.kind == .dependencyHung { outcomes = [.unanswered: 1] }
        }
    }

    /// Checks in all, and those that were late or lost.
    var count: Int { outcomes.values.reduce(0, +) }
    var bad: Int { count - (outcomes[.prompt] ?? 0) }

    /// `of the last 8 checks 3 got no connection and 2 were late`; empty for one alone.
    static func text(_ views: [Self]) -> String {
        var sums: [CheckOutcome: Int] = [:]
        for view in views { sums.merge(view.outcomes) { $0 + $1 } }
        let total = sums.values.reduce(0, +)
        guard total > 1 else { return "" }
        func sum(_ outcomes: CheckOutcome...) -> Int { outcomes.reduce(0) { $0 + (sums[$1] ?? 0) } }
        let parts = [
            (sum(.unconnected), "got no connection"), (sum(.unanswered), "got no answer"),
            (sum(.resentConnection), "had to connect again"),
            (sum(.slowConnection, .slowAnswer), "were late"),
        ].filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
        return "of the last \(total) checks \(parts.joined(separator: ", "))"
    }
}
