import MusterCore

/// Sockets of many hosts: who listens where, and who talks to whom.
package struct MergedSockets: Sendable, Codable {
    package var listening: [HostRow<ListeningSocket>] = []
    /// Most connections first.
    package var peers: [HostRow<PeerCount>] = []
    /// TCP connections by state name, all hosts.
    package var states: [String: Int] = [:]
    /// Rows that were left out because of the bound.
    package var dropped = 0

    init(_ replies: [HostReply], rowsMax: Int) {
        for reply in replies {
            guard case .sockets(let answer)? = reply.answer else { continue }
            listening += answer.listening.map { HostRow(host: reply.host, row: $0) }
            peers += answer.peers.map { HostRow(host: reply.host, row: $0) }
            states.merge(answer.states) { $0.saturatingAdd($1) }
        }
        let all = listening.count + peers.count
        listening.sort { ($0.row.port, $0.host, $0.row.address) < ($1.row.port, $1.host, $1.row.address) }
        peers.sort { left, right in
            if left.row.count != right.row.count { return left.row.count > right.row.count }
            return (left.host, left.row.remoteAddress, left.row.remotePort, left.row.localPort)
                < (right.host, right.row.remoteAddress, right.row.remotePort, right.row.localPort)
        }
        listening = Array(listening.prefix(rowsMax))
        peers = Array(peers.prefix(rowsMax))
        dropped = all - listening.count - peers.count
    }
}

/// Dependencies as the hosts see them: the same one may be well for some and dead for others.
package struct MergedDependencies: Sendable, Codable {
    /// Unhealthy ones first, then by name.
    package var dependencies: [MergedDependency] = []

    init(_ replies: [HostReply]) {
        var found: [String: MergedDependency] = [:]
        for reply in replies {
            guard case .dependencies(let answer)? = reply.answer else { continue }
            for check in answer.checks {
                let key = "\(check.name)\u{0}\(check.kind)\u{0}\(check.target)"
                let new = MergedDependency(
                    name: check.name,
                    kind: check.kind,
                    target: check.target,
                    checks: []
                )
                found[key, default: new].checks.append(HostRow(host: reply.host, row: check))
            }
        }
        dependencies = found.values.sorted { left, right in
            if left.unhealthy.isEmpty != right.unhealthy.isEmpty { return right.unhealthy.isEmpty }
            return (left.name, left.target, left.kind) < (right.name, right.target, right.kind)
        }
    }
}

/// One dependency with the check of each host.
package struct MergedDependency: Sendable, Codable {
    package var name: String
    package var kind: String
    package var target: String
    /// By host name.
    package var checks: [HostRow<DependencyCheck>]

    /// Checks that found it ill.
    package var unhealthy: [HostRow<DependencyCheck>] { checks.filter { !$0.row.healthy } }
}

/// Changes of many hosts; one that several hosts tell alike stands once, with all of them.
package struct MergedChanges: Sendable, Codable {
    /// Newest first.
    package var changes: [MergedChange] = []
    /// Changes that were left out because of the bound.
    package var dropped = 0

    init(_ replies: [HostReply], rowsMax: Int) {
        var found: [Change: [HostReference]] = [:]
        for reply in replies {
            guard case .changes(let answer)? = reply.answer else { continue }
            for change in answer.changes { found[change, default: []].append(reply.host) }
        }
        let sorted = found.map { MergedChange(change: $0.key, seenOn: $0.value) }.sorted {
            ($1.change.at, $0.change.summary) < ($0.change.at, $1.change.summary)
        }
        changes = Array(sorted.prefix(rowsMax))
        dropped = sorted.count - changes.count
    }
}

/// One change with the hosts that told of it.
package struct MergedChange: Sendable, Codable {
    package var change: Change
    package var seenOn: [HostReference]
}

/// Facts by value: what all hosts share and what sets some apart.
package struct MergedFacts: Sendable, Codable {
    /// By name.
    package var facts: [MergedFact] = []

    init(_ replies: [HostReply]) {
        var found: [String: [String: [HostReference]]] = [:]
        for reply in replies {
            guard case .facts(let answer)? = reply.answer else { continue }
            for (name, value) in answer.facts {
                found[name, default: [:]][value, default: []].append(reply.host)
            }
        }
        facts = found.sorted { $0.key < $1.key }.map { name, values in
            let sorted = values.map { FactValue(value: $0.key, hosts: $0.value) }.sorted {
                ($1.hosts.count, $0.value) < ($0.hosts.count, $1.value)
            }
            return MergedFact(name: name, values: sorted)
        }
    }
}

/// One fact with its values.
package struct MergedFact: Sendable, Codable {
    package var name: String
    /// The most common one first.
    package var values: [FactValue]
}

/// One value of a fact with the hosts that have it.
package struct FactValue: Hashable, Sendable, Codable {
    package var value: String
    package var hosts: [HostReference]
}
