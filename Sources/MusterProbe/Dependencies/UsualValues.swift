import MusterCore

#if canImport(Glibc)
import Glibc
#endif

/// What a dependency's checks look like on an ordinary day: a slow average of each value, of the good checks.
///
/// A value far above it moves it only a little, so that an incident of hours does not become usual, and a new normal
/// does within a day.
struct UsualValues {
    private var means: [String: Double] = [:]
    private var count = 0

    /// Checks before anything is called usual.
    static let countMin = 5
    /// Checks over which the average is taken.
    private static let memory = 60.0
    /// The same for values that are too high.
    private static let memoryOfHigh = 4000.0

    /// What is looked at: names of values, and how far above the usual is noise.
    private static let watched = [
        "connect_milliseconds": 20.0, "total_milliseconds": 20.0, "active": 3.0, "statement_seconds": 1.0,
        "rows_read_per_second": 50_000.0,
    ]

    /// Takes a check in and writes beside its values what was usual before: `usual_active`.
    ///
    /// True when one of them is far above.
    mutating func take(_ check: inout DependencyCheck) -> Bool {
        guard check.healthy else {
            describe(&check)
            return false
        }
        var seen = check.values
        seen["connect_milliseconds"] = check.connectMilliseconds
        seen["total_milliseconds"] = check.totalMilliseconds
        describe(&check)
        count += 1
        var isHigh = false
        for (name, noise) in Self.watched {
            guard let value = seen[name] else { continue }
            guard let mean = means[name] else {
                means[name] = value
                continue
            }
            let high = count > Self.countMin && value > 3 * mean + noise
            isHigh = isHigh || high
            let memory = high ? Self.memoryOfHigh : min(Double(count), Self.memory)
            // A single high check among the first ones must not set what is usual.
            let step = min(value, 3 * mean + noise) - mean
            means[name] = mean + step / memory
        }
        return isHigh
    }

    private func describe(_ check: inout DependencyCheck) {
        guard count >= Self.countMin else { return }
        for (name, mean) in means { check.values["usual_\(name)"] = (mean * 1000).rounded() / 1000 }
    }
}
