import MusterCore

/// What changed around the onset.
enum ChangeFindings {
    /// One finding for each change, the nearest to the onset first; at most 12.
    static func findings(
        _ changes: [Change],
        onset: Timestamp,
        hosts: [FleetHost],
        coverage: Coverage,
        at now: Timestamp
    ) -> [Finding] {
        let byName = Self.byName(hosts)
        let near = changes.sorted { distance($0, onset) < distance($1, onset) }
        return near.prefix(12).map { change in
            Finding(
                id: FindingID(at: now),
                kind: .change,
                text:
                    "\(change.title)\(place(change)): \(change.summary), "
                    + Relation(of: onset, to: change).text,
                hosts: change.hosts.compactMap { byName[$0] },
                service: change.service,
                subject: change.reference.isEmpty ? change.summary : change.reference,
                onset: change.at,
                effect: 1,
                coverage: coverage,
                change: change,
                exemplars: change.diff.isEmpty ? [] : [String(change.diff.prefix(2000))]
            )
        }
    }

    /// Changes name hosts as people do: a name that several hosts bear means the one that is connected, and none
    /// when that is not one alone.
    private static func byName(_ hosts: [FleetHost]) -> [String: HostReference] {
        Dictionary(grouping: hosts.filter { $0.state != .revoked }, by: \.name).compactMapValues { same in
            let connected = same.filter { $0.state == .connected }
            return same.count == 1 ? same[0].reference : connected.count == 1 ? connected[0].reference : nil
        }
    }

    /// How a change lies to an onset, which is known to the second on small fleets and to five on large ones.
    enum Relation {
        case before(Duration)
        case together
        case after(Duration)

        init(of onset: Timestamp, to change: Change) {
            if change.at <= onset - .seconds(1) {
                self = .before(onset - change.at)
            } else if change.at <= onset + .seconds(5) {
                self = .together
            } else {
                self = .after(change.at - onset)
            }
        }

        /// `40 s before it began`, `8 min after it began`.
        var text: String {
            switch self {
            case .before(let span): "\(span.spoken) before it began"
            case .together: "at the moment it began"
            case .after(let span): "\(span.spoken) after it began"
            }
        }
    }

    static func place(_ change: Change) -> String {
        switch change.hosts.count {
        case 0: ""
        case 1...3: " on \(change.hosts.joined(separator: ", "))"
        default: " on \(change.hosts.count) hosts"
        }
    }

    private static func distance(_ change: Change, _ onset: Timestamp) -> Duration {
        change.at <= onset ? onset - change.at : change.at - onset
    }
}
