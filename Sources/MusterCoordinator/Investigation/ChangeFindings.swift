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
        let byName = Dictionary(
            hosts.map { ($0.name, $0.reference) },
            uniquingKeysWith: { first, _ in first }
        )
        let near = changes.sorted { distance($0, onset) < distance($1, onset) }
        return near.prefix(12).map { change in
            Finding(
                id: FindingID(at: now),
                kind: .change,
                text:
                    "\(change.title)\(place(change)): \(change.summary), \(relation(of: onset, to: change))",
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

    /// `40 s before it began`, `8 min after it began`.
    static func relation(of onset: Timestamp, to change: Change) -> String {
        change.at <= onset
            ? "\((onset - change.at).spoken) before it began" : "\((change.at - onset).spoken) after it began"
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
