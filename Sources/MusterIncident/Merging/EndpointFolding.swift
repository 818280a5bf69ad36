import MusterCore

/// Brings paths of hosts that have seen little under the pattern that a host with more traffic learnt.
///
/// A host that met `/u/alice` and `/u/bob` only can't know that names stand there; one that met a hundred tells
/// `/u/:id`. A path belongs to a learnt pattern when it differs from it at places of `:id` only, unless a host tells
/// both: then that host knows it for a route of its own, such as `/u/search`. Which hosts answer first does not matter.
struct EndpointFolding {
    private struct Kind: Hashable {
        let service: String
        let method: String
        let segments: Int
    }

    private struct Pattern {
        let key: MergedRequests.EndpointKey
        let segments: [Substring]
        let names: Int
    }

    private static let placeholder: Substring = ":id"

    private var patterns: [Kind: [Pattern]] = [:]
    /// Hosts that tell each key.
    private var tellers: [MergedRequests.EndpointKey: Set<AgentID>] = [:]

    init(_ replies: [HostReply]) {
        for reply in replies {
            guard case .requests(let answer)? = reply.answer else { continue }
            for endpoint in answer.endpoints {
                let key = MergedRequests.EndpointKey(endpoint)
                let isNew = tellers[key] == nil
                tellers[key, default: []].insert(reply.host.id)
                // Patterns are few: hosts that learnt the same tell the same.
                guard endpoint.isLearnt, isNew || !isPattern(key) else { continue }
                let segments = Self.segments(of: key)
                patterns[Self.kind(of: key, segments), default: []].append(
                    Pattern(key: key, segments: segments, names: segments.count { $0 == Self.placeholder })
                )
            }
        }
    }

    /// The key under which an endpoint is counted.
    func key(of endpoint: EndpointRequests) -> MergedRequests.EndpointKey {
        let key = MergedRequests.EndpointKey(endpoint)
        guard !patterns.isEmpty else { return key }
        let segments = Self.segments(of: key)
        var best: Pattern?
        for pattern in patterns[Self.kind(of: key, segments)] ?? [] where pattern.key != key {
            guard zip(pattern.segments, segments).allSatisfy({ $0 == $1 || $0 == Self.placeholder }),
                tellers[pattern.key]?.isDisjoint(with: tellers[key] ?? []) ?? true
            else { continue }
            // The nearest one: with the fewest names.
            if best.map({ (pattern.names, pattern.key.path) < ($0.names, $0.key.path) }) ?? true {
                best = pattern
            }
        }
        return best?.key ?? key
    }

    private func isPattern(_ key: MergedRequests.EndpointKey) -> Bool {
        patterns[Self.kind(of: key, Self.segments(of: key))]?.contains { $0.key == key } ?? false
    }

    private static func segments(of key: MergedRequests.EndpointKey) -> [Substring] {
        key.path.split(separator: "/")
    }

    private static func kind(of key: MergedRequests.EndpointKey, _ segments: [Substring]) -> Kind {
        Kind(service: key.service, method: key.method, segments: segments.count)
    }
}
