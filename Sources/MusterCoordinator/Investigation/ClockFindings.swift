import MusterCause
import MusterCore

#if canImport(Glibc)
import Glibc
#endif

/// Hosts whose clock is off by so much that others refuse what they say.
enum ClockFindings {
    /// Off by less, next to nothing breaks: leases and locks allow ten seconds and more, tokens and one-time codes half a
    /// minute (RFC 6238 and usual JWT leeway), Kerberos five minutes (RFC 4120), request signatures five to fifteen.
    static let from = Duration.seconds(10)
    /// Nobody allows more than a few times this.
    private static let full = Duration.seconds(300)
    /// Hosts from which it is the fleet that tells the time, and not the coordinator.
    private static let fleetMin = 3
    private static let smallest = 0.4
    /// A clock that was off before anybody looked was so while all was well, as far as is known.
    private static let withoutMoment = 0.6

    /// At most one finding for clocks that are ahead and one for those that are behind.
    ///
    /// `hosts` is the fleet: what most of their clocks show counts as the time, since the coordinator's own may be off.
    /// Only hosts that answered `interview` in time are told of: their estimates are no further off than those answers took,
    /// which is far less than ``from``.
    static func findings(_ hosts: [FleetHost], _ interview: Interview, at now: Timestamp) -> [Finding] {
        findings(hosts, answered: interview.answered, coverage: interview.coverage, at: now)
    }

    static func findings(
        _ hosts: [FleetHost],
        answered: Set<AgentID>,
        coverage: Coverage,
        at now: Timestamp
    ) -> [Finding] {
        let known = hosts.filter { $0.state == .connected }.compactMap { host in
            host.skew.map { (host: host, skew: $0) }
        }
        let time = time(of: known.map(\.skew))
        let off = known.compactMap { host, skew -> Seen? in
            let lead = skew - time
            guard answered.contains(host.id), lead >= from || lead <= .zero - from else { return nil }
            return Seen(host: host.reference, lead: lead, since: host.skewSince)
        }
        return [off.filter { $0.lead > .zero }, off.filter { $0.lead < .zero }].compactMap {
            finding($0, coverage, now)
        }
    }

    private struct Seen {
        let host: HostReference
        /// Ahead of the others.
        let lead: Duration
        let since: Timestamp?

        var size: Duration { lead < .zero ? .zero - lead : lead }
    }

    /// How far the clock that the fleet agrees on is ahead of the coordinator's.
    private static func time(of skews: [Duration]) -> Duration {
        skews.count < fleetMin ? .zero : skews.sorted()[skews.count / 2]
    }

    private static func finding(_ seen: [Seen], _ coverage: Coverage, _ now: Timestamp) -> Finding? {
        guard let worst = seen.max(by: { $0.size < $1.size }) else { return nil }
        let hosts = seen.map(\.host).sorted()
        let since = seen.compactMap(\.since).min()
        let size = Duration.seconds(worst.size.inSeconds.rounded()).spoken
        let direction = worst.lead < .zero ? "behind" : "ahead of"
        let moment = since.map { ", since it was set after \($0.timeOfDay)" } ?? "; since when is not known"
        return Finding(
            id: FindingID(at: now),
            kind: .resource,
            text: seen.count == 1
                ? "the clock of \(worst.host.name) is \(size) \(direction) the others\(moment)"
                : "the clocks of \(HostReference.list(hosts)) are up to \(size) \(direction) the others\(moment)",
            hosts: hosts,
            service: "",
            subject: "clock",
            onset: since,
            effect: effect(worst),
            coverage: coverage,
            suggests: .clockSkew
        )
    }

    /// Every factor tells as much as the one before: from ``smallest`` to 1.
    private static func effect(_ seen: Seen) -> Double {
        let share = log(seen.size.inSeconds / from.inSeconds) / log(full.inSeconds / from.inSeconds)
        let effect = smallest + (1 - smallest) * min(1, max(0, share))
        return seen.since == nil ? effect * withoutMoment : effect
    }
}
