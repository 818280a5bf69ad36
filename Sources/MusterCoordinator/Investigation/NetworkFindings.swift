import MusterCore

/// What hosts' counters of TCP show: segments that get lost, connections that are reset.
///
/// Neither series tells anything alone: how many segments are sent again matters beside how many are sent.
enum NetworkFindings {
    /// Share of the segments that is sent again from which packets get lost; a healthy network stays far below 1%.
    static let lossFrom = 0.02
    /// Sent again each second at least, so that one late answer on a quiet host is no loss.
    private static let retransmitsMin = 1.0
    /// Share and rate of the same from which it is a hint, where something else is known to be wrong.
    static let hintFrom = 0.003
    private static let hintRate = 0.3
    /// Standing connections that are reset each second.
    static let resetsFrom = 2.0
    /// What is so many times what it was before is news.
    private static let rise = 4.0
    private static let again = "tcp_retransmits_per_second"
    private static let sent = "tcp_sent_segments_per_second"

    /// The share of segments that each host sends again when that is more than usual: 0 where it is not, nothing for hosts that
    /// did not measure it.
    ///
    /// Beside checks that fail less is telling than alone: the way that they go is a small part of what a host sends.
    static func losses(_ answers: [(host: HostReference, answer: Answer)]) -> [HostReference: Double] {
        var found: [HostReference: Double] = [:]
        for (host, answer) in answers {
            let series = series(answer)
            guard series[again] != nil, series[sent] != nil else { continue }
            found[host] = loss(host, series, least: hintFrom, rate: hintRate)?.now ?? 0
        }
        return found
    }

    private static func series(_ answer: Answer) -> [String: MetricSeries] {
        guard case .metrics(let metrics) = answer else { return [:] }
        return Dictionary(
            metrics.series.filter { $0.subject.isEmpty }.map { ($0.name, $0) },
            uniquingKeysWith: { first, _ in first }
        )
    }

    /// At most one finding for lost packets and one for resets, each over all hosts where it is so.
    ///
    /// Where a finding of the same kind names the dependency that it happens to, these are evidence only; so are segments
    /// that are sent again to a far end of which something else is known.
    static func findings(
        _ answers: [(host: HostReference, answer: Answer)],
        beside dependencies: [Finding] = [],
        coverage: Coverage,
        at now: Timestamp
    ) -> [Finding] {
        var losses: [Seen] = []
        var resets: [Seen] = []
        for (host, answer) in answers {
            let series = series(answer)
            if let loss = loss(host, series) { losses.append(loss) }
            if let reset = reset(host, series) { resets.append(reset) }
        }
        var found = [
            finding(losses, "tcp_retransmits", .networkLoss, coverage, now) { worst, hosts in
                "\(hosts) \(worst.isOne ? "sends" : "send") \(worst.now.percentText) of the TCP segments again: "
                    + "packets get lost; before it was \(worst.before.percentText)"
            },
            finding(resets, "tcp_resets", .network, coverage, now) { worst, hosts in
                "\(worst.now.text(decimals: 1)) TCP connections a second are reset on \(hosts), "
                    + "before it was \(worst.before.text(decimals: 1))"
            },
        ].compactMap(\.self)
        let explained = Set(dependencies.compactMap(\.suggests))
        for index in found.indices {
            guard let kind = found[index].suggests else { continue }
            let isExplained =
                explained.contains(kind) || kind == .networkLoss && isWall(found[index], dependencies)
            if isExplained { found[index].suggests = nil }
        }
        return found
    }

    /// Whether these hosts send again what a far end does not answer, which dependencies tell more of.
    private static func isWall(_ loss: Finding, _ dependencies: [Finding]) -> Bool {
        let silent = dependencies.filter { finding in
            guard let kind = finding.suggests else { return false }
            return [.network, .networkDelay, .dependencyHung, .dependencyDown].contains(kind)
        }
        let ends = Set(silent.flatMap { $0.hosts + ($0.place ?? []) })
        return !loss.hosts.isEmpty && ends.isSuperset(of: loss.hosts)
    }

    private struct Seen {
        let host: HostReference
        /// Share of segments, or resets a second.
        let now: Double
        let before: Double
        let onset: Timestamp?
        /// 0 to 1.
        let effect: Double
        var isOne = false
    }

    /// Segments that are sent again come in bursts, with quiet seconds between, so their means are compared.
    private static func loss(
        _ host: HostReference,
        _ series: [String: MetricSeries],
        least: Double = lossFrom,
        rate: Double = retransmitsMin
    ) -> Seen? {
        guard let again = series[Self.again], let sent = series[Self.sent] else { return nil }
        let onset = again.score > 0 ? again.onset : nil
        guard let level = Self.level(of: again, since: onset), let total = Self.level(of: sent, since: onset),
            total > 0, level >= rate
        else { return nil }
        let share = min(1, level / total)
        let before =
            onset == nil
            ? earlier(again) / max(earlier(sent), 1) : again.baselineMedian / max(sent.baselineMedian, 1)
        guard share >= least, share > rise * before else { return nil }
        return Seen(
            host: host,
            now: share,
            before: min(1, before),
            onset: onset,
            effect: min(0.95, 0.7 + share)
        )
    }

    private static func reset(_ host: HostReference, _ series: [String: MetricSeries]) -> Seen? {
        guard let resets = series["tcp_resets_per_second"], let level = Self.level(resets),
            level >= resetsFrom,
            level > rise * resets.baselineMedian
        else { return nil }
        return Seen(
            host: host,
            now: level,
            before: resets.baselineMedian,
            onset: resets.onset,
            effect: min(0.8, 0.4 + level / 50)
        )
    }

    /// Mean since it rose, of the last half minute at most; nil when it did not rise.
    private static func level(_ series: MetricSeries) -> Double? {
        guard series.score > 0, series.onset != nil else { return nil }
        return Self.level(of: series, since: series.onset)
    }

    /// Points that are recent when no onset is known.
    private static let recentPoints = 12

    private static func level(of series: MetricSeries, since onset: Timestamp?) -> Double? {
        let points = zip(series.at, series.values).suffix(onset == nil ? recentPoints : 30)
        return mean(points.filter { at, _ in onset.map { at >= $0 } ?? true }.map(\.1))
    }

    /// Mean of what is not recent; of what was before when everything is.
    private static func earlier(_ series: MetricSeries) -> Double {
        mean(Array(series.values.dropLast(recentPoints))) ?? series.baselineMedian
    }

    private static func mean(_ values: [Double]) -> Double? {
        values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
    }

    private static func finding(
        _ seen: [Seen],
        _ subject: String,
        _ kind: CauseKind,
        _ coverage: Coverage,
        _ now: Timestamp,
        _ text: (_ worst: Seen, _ hosts: String) -> String
    ) -> Finding? {
        guard var worst = seen.max(by: { $0.effect < $1.effect }) else { return nil }
        worst.isOne = seen.count == 1
        let hosts = seen.map(\.host).sorted()
        return Finding(
            id: FindingID(at: now),
            kind: .resource,
            text: text(worst, HostReference.list(hosts)),
            hosts: hosts,
            service: "",
            subject: subject,
            onset: seen.compactMap(\.onset).min(),
            effect: worst.effect,
            coverage: coverage,
            suggests: kind
        )
    }
}
