import MusterCause
import MusterCore

/// A dependency as the hosts that are in trouble with it see it.
struct DependencyView {
    var trouble: DependencyTrouble
    var subject: String
    var seen: [(host: HostReference, check: DependencyCheck)]
    /// Hosts that look at it.
    var lookers: Int
    /// Where the trouble is.
    var place: [HostReference]
    var worst: DependencyCheck
    /// What was found out at the far end; empty when nothing was.
    var remark = ""
    /// Nobody is in trouble at this moment, but some were a moment ago.
    var isPast = false

    /// Name resolution and networks serve all dependencies of a host.
    var isShared: Bool { [.dns, .network, .networkDelay, .networkLoss].contains(trouble.kind) }

    /// Copies of one service are asked by the same hosts, in the same way and at the same port.
    var copies: String {
        let port = FarEnds.place(worst.target).map { "\($0.port)" } ?? worst.target
        let hosts = Set(seen.map(\.host)).sorted().map(\.name).joined(separator: " ")
        return "\(worst.kind) \(port) \(hosts)"
    }

    func sameTrouble(as other: DependencyView) -> Bool {
        guard trouble.kind == other.trouble.kind else { return false }
        return (isShared && place == other.place) || copies == other.copies
    }

    mutating func add(_ other: DependencyView) {
        if other.subject < subject { (subject, worst) = (other.subject, other.worst) }
        seen += other.seen
        place = Set(place + other.place).sorted()
        lookers = max(lookers, other.lookers)
        trouble.effect = min(1, max(trouble.effect, other.trouble.effect) + 0.05)
    }

    /// What one host sees that has, or just had, trouble with a dependency.
    private struct Sight {
        let host: HostReference
        let check: DependencyCheck
        var trouble: DependencyTrouble
        /// Whether the trouble is there at this moment.
        var isNow = true
        var path = PathModel.View()

        /// The same, with what was found out about it since.
        func with(_ trouble: DependencyTrouble) -> Sight {
            var sight = self
            sight.trouble = trouble
            return sight
        }
    }

    /// Checks that were late or lost lately from which a host has trouble although the latest one went well.
    static let badMin = 2
    /// Probability from which troubles that are just not there are told all the same.
    private static let pastFrom = 0.8

    /// Nil when nobody is in trouble with it.
    ///
    /// `all` are the checks of everybody who looks at it.
    init?(
        of name: String,
        _ target: String,
        _ all: [(host: HostReference, check: DependencyCheck)],
        far: FarEnds,
        losses: [HostReference: Double],
        at now: Timestamp
    ) {
        var groups: [CauseKind: [Sight]] = [:]
        var path: [Sight] = []
        // Hosts that are well, and those of them that had not even one late check.
        var wells = 0
        var spotless = 0
        for (host, check) in all {
            let trouble = DependencyTrouble(check, at: now)
            if let trouble, !trouble.isOfPath {
                groups[trouble.kind, default: []].append(Sight(host: host, check: check, trouble: trouble))
                continue
            }
            let seen = PathModel.View(check, trouble, resent: losses[host])
            if trouble != nil || seen.bad >= Self.badMin {
                let sight = Sight(
                    host: host,
                    check: check,
                    trouble: trouble ?? DependencyTrouble(.networkLoss, 0),
                    isNow: trouble != nil,
                    path: seen
                )
                path.append(sight)
            } else {
                wells += 1
                if seen.bad == 0 { spotless += 1 }
            }
        }
        let end = far.host(of: target)
        let way = Way(
            end: end,
            port: far.port(of: target),
            resent: end.flatMap { losses[$0.reference] },
            isWellForOthers: wells > 0
        )
        let judged = Self.judgement(of: path, way)
        if let judged {
            // The plainest one speaks for all.
            path.sort { $0.trouble.effect > $1.trouble.effect }
            groups[judged.trouble.kind, default: []] += path.map { $0.with(judged.trouble) }
        }
        let ranked = groups.values.sorted {
            let (left, right) = ($0.map(\.trouble.effect).max() ?? 0, $1.map(\.trouble.effect).max() ?? 0)
            return ($1.count, right, $1[0].trouble.kind.rawValue) < (
                $0.count, left, $0[0].trouble.kind.rawValue
            )
        }
        guard let seen = ranked.first,
            let worst = seen.max(by: {
                ($0.isNow ? 1 : 0, $0.trouble.effect) < ($1.isNow ? 1 : 0, $1.trouble.effect)
            })
        else { return nil }
        let hosts = seen.map(\.host).sorted()
        self.trouble = worst.trouble
        self.subject = "\(name) \(target)"
        self.seen = seen.map { ($0.host, $0.check) }
        self.lookers = all.count
        self.place = end.map { [$0.reference] } ?? hosts
        self.worst = worst.check
        self.isPast = !worst.isNow
        if let judged, judged.trouble.kind == trouble.kind { remark = judged.remark }
        switch trouble.kind {
        case .dns: place = hosts
        case .dependencyDown: judgeRefusal(way)
        default: break
        }
        // What only some of those who look suffer is on their side, or on the way.
        let others = trouble.kind == .networkLoss ? spotless : wells
        if others > 0, [.network, .networkDelay, .networkLoss].contains(trouble.kind) { place = hosts }
    }

    /// What is known of the far end of a way and of those who go it.
    private struct Way {
        let end: FleetHost?
        let port: FarEnds.Port?
        /// Share of its segments that the far end sends again.
        let resent: Double?
        let isWellForOthers: Bool
    }

    /// What hosts have in common that get late answers or none.
    private static func judgement(
        of path: [Sight],
        _ way: Way
    ) -> (trouble: DependencyTrouble, remark: String)? {
        guard !path.isEmpty else { return nil }
        let present = path.filter(\.isNow)
        let isSilent = !present.isEmpty && present.allSatisfy(\.trouble.isSilent)
        if isSilent, way.port == .closed {
            return (DependencyTrouble(.dependencyDown, 0.95, isSilent: true), "nothing listens there")
        }
        if isSilent, way.port == nil, !way.isWellForOthers, way.end?.state == .disconnected {
            let name = way.end?.name ?? ""
            return (
                DependencyTrouble(.dependencyDown, 0.95, isSilent: true), "its host \(name) is gone as well"
            )
        }
        var far = PathModel.FarEnd(resent: way.resent)
        if case .open(let waiting) = way.port { far.waiting = waiting }
        let views = path.map(\.path)
        guard let found = PathModel.judge(views, far: far, isWellForOthers: way.isWellForOthers) else {
            return nil
        }
        // What is over is told only of ways that let some packets through all the time.
        guard !present.isEmpty || found.kind == .networkLoss && found.probability >= pastFrom else {
            return nil
        }
        let own = present.map(\.trouble.effect).max() ?? 0
        let weight =
            switch found.kind {
            case .networkDelay, .defect: own
            case .networkLoss: lossEffect(views)
            default: 1.0
            }
        let trouble = DependencyTrouble(
            found.kind,
            weight * (0.5 + 0.5 * found.probability),
            isSilent: found.kind == .network
        )
        return (trouble, remark(found.kind, views, far))
    }

    /// The more checks it harms the worse it is.
    private static func lossEffect(_ views: [PathModel.View]) -> Double {
        let count = views.map(\.count).reduce(0, +)
        guard count > 1 else { return 1 }
        return min(1, 0.6 + Double(views.map(\.bad).reduce(0, +)) / Double(count))
    }

    private static func remark(
        _ kind: CauseKind,
        _ views: [PathModel.View],
        _ far: PathModel.FarEnd
    ) -> String {
        var parts = [PathModel.View.text(views)]
        if let waiting = far.waiting, waiting > 0, [.dependencyHung, .defect].contains(kind) {
            parts.append("\(waiting) connections wait there to be accepted")
        }
        if far.waiting == 0, kind == .network { parts.append("it listens there and nothing arrives") }
        let share = (views.compactMap(\.resent) + [far.resent ?? 0]).max() ?? 0
        if kind == .networkLoss, share > 0 {
            parts.append("\(share.percentText) of the TCP segments are sent again")
        }
        return parts.filter { !$0.isEmpty }.joined(separator: "; ")
    }

    /// Sets beside a refusal what the far end says of itself.
    private mutating func judgeRefusal(_ way: Way) {
        guard worst.status == 0, !trouble.isSilent else { return }
        let others = lookers - seen.count
        switch way.port {
        case .open:
            trouble = DependencyTrouble(.network, 1)
            remark = "it listens there: something on the way refuses the connections"
        case .closed:
            trouble.effect = 1
            remark = "nothing listens there"
        case nil where others > 0:
            // A server that is down is so for everybody.
            trouble = DependencyTrouble(.network, 0.85)
            remark = "\(others) other \(others == 1 ? "host reaches" : "hosts reach") it"
        case nil: break
        }
    }
}
