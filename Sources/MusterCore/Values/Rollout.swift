/// How the action of a plan spreads over its hosts, as people approve it.
package struct Rollout: Hashable, Sendable, Codable {
    /// Most waves, and most bytes of a stop condition, in one plan.
    package static let wavesMax = 64
    package static let stopWhenBytesMax = 256

    /// Hosts reached by the end of each wave, counted from the first of the plan: increasing, the last is all of them.
    package var waves: [Int]
    /// How long the next wave waits after one went well.
    package var soak: Duration
    /// Hosts on which it may go wrong before all stops: failed, indeterminate and silent ones count alike.
    package var errorBudget: Int
    /// Hosts that may be acting at once.
    package var atOnce: Int
    /// A signal with a condition, such as `Error ratio > 20%`, looked at before each wave but the first; empty for none.
    package var stopWhen: String

    package init(
        waves: [Int],
        soak: Duration = .zero,
        errorBudget: Int = 0,
        atOnce: Int = 1,
        stopWhen: String = ""
    ) {
        self.waves = waves
        self.soak = soak
        self.errorBudget = errorBudget
        self.atOnce = atOnce
        self.stopWhen = stopWhen
    }

    /// What a plan without a rollout of its own means: one host, then the others together.
    package init(hosts: Int) {
        self.init(waves: hosts > 1 ? [1, hosts] : [hosts], atOnce: max(1, hosts))
    }

    /// Why it can't be the rollout of a plan for so many hosts; nil when it can.
    package func complaint(hosts: Int) -> String? {
        guard waves.last == hosts, waves.first.map({ $0 > 0 }) ?? false,
            zip(waves, waves.dropFirst()).allSatisfy({ $0 < $1 })
        else { return "the waves of the plan must grow up to its \(hosts) hosts" }
        guard atOnce > 0 else { return "no host of the plan may act at once" }
        guard errorBudget >= 0, errorBudget < hosts else {
            return "the plan may go wrong on \(errorBudget) of its \(hosts) hosts, which is no bound"
        }
        return nil
    }
}

/// How a mitigation of a runbook spreads, before its hosts are known.
package struct RunbookRollout: Hashable, Sendable, Codable {
    /// How far a wave goes.
    package enum Reach: Hashable, Sendable, Codable {
        case hosts(Int)
        /// Of the plan's hosts, rounded up.
        case percent(Double)
    }

    package var waves: [Reach] = [.hosts(1), .percent(5), .percent(25), .percent(100)]
    package var soak = Duration.seconds(10)
    package var errorBudget = 0
    /// Share of the hosts of one service that may be acting at once; one host always may.
    package var shareMax = 0.25
    /// Nil when nothing is looked at between waves.
    package var stopWhen: RunbookCheck?

    package init() {}

    /// The rollout over so many hosts, of which so many may be acting at once.
    package func resolved(hosts: Int, atOnce: Int) -> Rollout {
        var bounds: [Int] = []
        for wave in waves {
            let bound =
                switch wave {
                case .hosts(let count): min(count, hosts)
                case .percent(let percent): min(hosts, Int((Double(hosts) * percent / 100).rounded(.up)))
                }
            if bound > bounds.last ?? 0 { bounds.append(bound) }
        }
        if bounds.last != hosts { bounds.append(hosts) }
        return Rollout(
            waves: bounds,
            soak: soak,
            errorBudget: min(errorBudget, max(0, hosts - 1)),
            atOnce: max(1, atOnce),
            stopWhen: stopWhen?.text ?? ""
        )
    }
}
