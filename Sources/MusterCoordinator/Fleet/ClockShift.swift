import MusterCore

/// Questions and answers of hosts whose clock is off, between their time and the coordinator's.
///
/// A host looks up what was asked by its own clock, so a window has to be in that; what it tells is moved back, so that the
/// times of all hosts can be set beside each other. Sealed bytes stay as the host signed them.
enum ClockShift {
    /// A clock that is off by less needs none: windows and onsets are not more exact.
    static let from = Duration.seconds(1)

    /// How much later by its own clock a host must look; nil for those that need no shift.
    ///
    /// Whole seconds, so that hosts that are off alike are sent the same bytes, and whole buckets, so that counts of several
    /// hosts still fall together.
    static func of(_ lead: Duration, for probe: Probe) -> Duration? {
        guard lead >= from || lead <= .zero - from else { return nil }
        var step = 1.0
        if case .requests(_, _, _, let bucketSeconds) = probe { step = Double(max(1, bucketSeconds)) }
        // Beyond a century nothing can be told of it.
        let seconds = min(max(lead.inSeconds, -3.2e9), 3.2e9)
        let shift = (seconds / step).rounded() * step
        return shift == 0 ? nil : .seconds(shift)
    }
}

extension Timestamp {
    /// Later by `shift`; a time that is not set stays so.
    fileprivate func shifted(by shift: Duration) -> Timestamp { self == .zero ? self : self + shift }
}

extension TimeWindow {
    /// An end that is 0 is unbounded and stays so.
    fileprivate func shifted(by shift: Duration) -> TimeWindow {
        TimeWindow(from: from.shifted(by: shift), to: to.shifted(by: shift))
    }
}

extension Probe {
    /// The same question about windows that lie later by `shift`.
    func shifted(by shift: Duration) -> Probe {
        switch self {
        case .logs(let window, let service, let level, let text, let refinement):
            .logs(
                window: window.shifted(by: shift),
                service: service,
                level: level,
                text: text,
                refinement: refinement
            )
        case .requests(let window, let service, let salt, let bucketSeconds):
            .requests(
                window: window.shifted(by: shift),
                service: service,
                salt: salt,
                bucketSeconds: bucketSeconds
            )
        case .metrics(let window, let prefix): .metrics(window: window.shifted(by: shift), prefix: prefix)
        case .anomalies(let window, let prefix): .anomalies(window: window.shifted(by: shift), prefix: prefix)
        case .changes(let window, let service): .changes(window: window.shifted(by: shift), service: service)
        case .processes, .sockets, .dependencies, .facts, .sql, .ledger, .dryRun: self
        }
    }
}

extension Answer {
    /// The same answer with all its times later by `shift`; certificates, facts and the ledger keep theirs.
    mutating func shift(by shift: Duration) {
        switch self {
        case .logs(var answer):
            answer.shift(by: shift)
            self = .logs(answer)
        case .requests(var answer):
            answer.covered = answer.covered.shifted(by: shift)
            for index in answer.sampled.indices {
                answer.sampled[index].window = answer.sampled[index].window.shifted(by: shift)
            }
            for endpoint in answer.endpoints.indices {
                for bucket in answer.endpoints[endpoint].buckets.indices {
                    let from = answer.endpoints[endpoint].buckets[bucket].from
                    answer.endpoints[endpoint].buckets[bucket].from = from.shifted(by: shift)
                }
            }
            self = .requests(answer)
        case .metrics(var answer):
            for index in answer.series.indices {
                answer.series[index].at = answer.series[index].at.map { $0.shifted(by: shift) }
                answer.series[index].onset = answer.series[index].onset?.shifted(by: shift)
            }
            self = .metrics(answer)
        case .anomalies(var answer):
            for index in answer.anomalies.indices { answer.anomalies[index].shift(by: shift) }
            self = .anomalies(answer)
        case .processes(var answer):
            for index in answer.processes.indices {
                answer.processes[index].started = answer.processes[index].started.shifted(by: shift)
            }
            self = .processes(answer)
        case .dependencies(var answer):
            for index in answer.checks.indices {
                answer.checks[index].since = answer.checks[index].since?.shifted(by: shift)
            }
            self = .dependencies(answer)
        case .changes(var answer):
            for index in answer.changes.indices {
                answer.changes[index].at = answer.changes[index].at.shifted(by: shift)
            }
            self = .changes(answer)
        case .sockets, .facts, .sql, .ledger, .dryRun: break
        }
    }
}

extension LogsAnswer {
    fileprivate mutating func shift(by shift: Duration) {
        for index in lines.indices { lines[index].at = lines[index].at.shifted(by: shift) }
        for index in templates.indices {
            templates[index].first = templates[index].first.shifted(by: shift)
            templates[index].last = templates[index].last.shifted(by: shift)
        }
        summary.first = summary.first?.shifted(by: shift)
        summary.last = summary.last?.shifted(by: shift)
        summary.covered = summary.covered?.shifted(by: shift)
        for index in summary.buckets.indices {
            summary.buckets[index].from = summary.buckets[index].from.shifted(by: shift)
        }
    }
}

extension SeriesAnomaly {
    fileprivate mutating func shift(by shift: Duration) {
        onset = onset.shifted(by: shift)
        noticed = noticed.shifted(by: shift)
        ended = ended?.shifted(by: shift)
    }
}
