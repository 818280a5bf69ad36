import MusterCore

/// Changes as hosts saw them and as people told them, brought together.
enum ChangeList {
    /// One change told by several is one; its hosts are those that saw it, or that the teller named.
    ///
    /// - Parameters:
    ///   - seen: From hosts, each with the host that saw it.
    ///   - told: Recorded by people and other systems.
    /// - Returns: Newest first.
    static func merged(seen: [(host: HostReference, change: Change)], told: [Change]) -> [Change] {
        var result: [Change] = []
        for (host, change) in seen.sorted(by: { $0.change.at < $1.change.at }) {
            var change = change
            // What a host saw on itself is certain; names that a marker carries may be of others.
            change.hosts = [host.name]
            add(change, to: &result)
        }
        for change in told.sorted(by: { $0.at < $1.at }) { add(change, to: &result) }
        return result.sorted { $0.at > $1.at }
    }

    private static func add(_ change: Change, to list: inout [Change]) {
        guard let index = list.firstIndex(where: { same($0, change) }) else {
            list.append(change)
            return
        }
        var known = list[index]
        known.hosts = Set(known.hosts).union(change.hosts).sorted()
        if known.actor.isEmpty { known.actor = change.actor }
        if known.service.isEmpty { known.service = change.service }
        if known.before.isEmpty { known.before = change.before }
        if known.after.isEmpty { known.after = change.after }
        if known.diff.isEmpty { known.diff = change.diff }
        if known.reference.isEmpty { known.reference = change.reference }
        known.at = min(known.at, change.at)
        list[index] = known
    }

    /// The same kind and service, and the same number; or, without numbers, the same words at nearly one time.
    static func same(_ left: Change, _ right: Change) -> Bool {
        guard left.kind == right.kind,
            left.service == right.service || left.service.isEmpty || right.service.isEmpty
        else { return false }
        if !left.reference.isEmpty || !right.reference.isEmpty { return left.reference == right.reference }
        let apart = left.at < right.at ? right.at - left.at : left.at - right.at
        return left.summary == right.summary && left.after == right.after && apart < .seconds(120)
    }
}
