import Glibc

/// Series of ten-second points as hosts make them while nothing is wrong, each of another nature.
package struct SyntheticSeries {
    package enum Kind: String, CaseIterable, Sendable {
        case constant, wiggle
        case white, correlated, wandering, slowlyWandering, randomWalk
        case lognormal, student, pareto
        case poisson, rareCounts, rareBursts, integers
        case onOff, bursts
        case everyTenMinutes, everyHour, everyNight
        case dayOfRequests, dayWithSteepMorning
        case sawtooth, slowGrowth, counterWithResets

        /// A name with its unit, as recorders give.
        package var name: String {
            switch self {
            case .wiggle, .randomWalk, .sawtooth: "memory_available_bytes"
            case .pareto: "network_sent_bytes_per_second"
            case .bursts: "disk_written_bytes_per_second"
            case .lognormal, .student, .wandering, .slowlyWandering: "request_p99_ms"
            case .poisson, .rareCounts, .rareBursts, .dayOfRequests: "log_lines"
            case .integers: "processes_runnable"
            case .counterWithResets: "packets_total"
            case .slowGrowth: "filesystem_used_ratio"
            default: "cpu_busy_ratio"
            }
        }
    }

    private let kind: Kind
    private var random: SplitMix64
    private var state = 0.0
    private var isOn = false

    package init(_ kind: Kind, seed: UInt64) {
        self.kind = kind
        self.random = SplitMix64(seed: seed &* 7919 &+ 13)
        if kind == .randomWalk { state = 8e9 }
    }

    /// The next point; `tick` is its time in tens of seconds and must grow by one.
    package mutating func next(_ tick: UInt32) -> Double {
        let day = 2 * Double.pi * Double(tick % 8640) / 8640
        switch kind {
        case .constant: return 0.3
        case .wiggle: return 8e9 + 1e5 * random.gauss()
        case .white: return 0.4 + 0.05 * random.gauss()
        case .correlated: return 0.4 + 0.05 * follow(0.9)
        case .wandering: return 100 + 20 * follow(0.99)
        case .slowlyWandering: return 100 + 20 * follow(0.999) + 2 * random.gauss()
        case .randomWalk:
            state += 3e6 * random.gauss()
            return state
        case .lognormal: return 20 * exp(random.gauss())
        case .student: return 100 + 10 * random.gauss() / (random.exponential() + 0.02).squareRoot()
        case .pareto: return 2e5 * pow(1 - random.unit(), -1 / 1.5)
        case .poisson: return random.poisson(3)
        case .rareCounts: return random.poisson(0.05)
        case .rareBursts: return random.unit() < 0.01 ? 50 * random.exponential() : 0
        case .integers: return max(0, (2 + 1.2 * random.gauss()).rounded())
        case .onOff: return (toggle(60, 6) ? 0.6 : 0.05) + 0.01 * random.gauss()
        case .bursts: return (toggle(180, 12) ? 5e7 : 2e5) * random.exponential()
        case .everyTenMinutes: return (tick % 60 < 3 ? 0.9 : 0.1) + 0.02 * random.gauss()
        case .everyHour: return (tick % 360 < 12 ? 0.9 : 0.1) + 0.02 * random.gauss()
        case .everyNight: return (tick % 8640 < 30 ? 0.9 : 0.1) + 0.02 * random.gauss()
        case .dayOfRequests: return random.poisson(500 * (1.2 + sin(day)))
        case .dayWithSteepMorning: return 0.1 + 0.4 / (1 + exp(-6 * sin(day))) + 0.03 * random.gauss()
        case .sawtooth: return 5e8 + 2e6 * Double(tick % 200) + 1e6 * random.gauss()
        case .slowGrowth: return 0.2 + 0.5 * Double(tick % 86_400) / 86_400
        case .counterWithResets:
            state = random.unit() < 1 / 3000 ? 0 : state + random.poisson(20)
            return state
        }
    }

    /// Noise of standard deviation 1 that resembles its last value so much.
    private mutating func follow(_ likeness: Double) -> Double {
        state = likeness * state + (1 - likeness * likeness).squareRoot() * random.gauss()
        return state
    }

    /// Off and on for so many points on average.
    private mutating func toggle(_ off: Double, _ on: Double) -> Bool {
        if random.unit() < 1 / (isOn ? on : off) { isOn.toggle() }
        return isOn
    }
}

extension SplitMix64 {
    /// Normal noise of mean 0 and standard deviation 1 (Box and Muller).
    package mutating func gauss() -> Double {
        (-2 * log(1 - unit())).squareRoot() * cos(2 * Double.pi * unit())
    }

    /// Exponential with mean 1.
    package mutating func exponential() -> Double { -log(1 - unit()) }

    /// Poisson with this mean.
    package mutating func poisson(_ mean: Double) -> Double {
        if mean > 50 { return max(0, (mean + mean.squareRoot() * gauss()).rounded()) }
        let limit = exp(-mean)
        var count = -1.0
        var product = 1.0
        repeat {
            count += 1
            product *= unit()
        } while product > limit
        return count
    }
}
