import MusterCore
import MusterIncident

/// Which hosts an incident is about, and which are left.
struct Scope: Sendable {
    /// Hosts of the service and those that the alerts name; all hosts when neither is known.
    let near: [FleetHost]
    /// Others to look at: all of them, in a large fleet what the service depends on and a part of the rest.
    let far: [FleetHost]

    /// More hosts than these tell no more of what is common to all, and cost the fleet and the night.
    static let farMax = 500

    /// Revoked hosts are nowhere in it; `related` are hosts that the service is known to depend on.
    init(incident: Incident, hosts: [FleetHost], related: Set<AgentID> = []) {
        let hosts = hosts.filter { $0.state != .revoked }
        let named = Set(incident.alerts.map(\.host).filter { !$0.isEmpty })
        let near = hosts.filter { host in
            let runs = !incident.service.isEmpty && host.services.contains { $0.name == incident.service }
            let labelled = !incident.service.isEmpty && host.labels["service"] == incident.service
            return runs || labelled || named.contains(host.name)
        }
        let found = near.isEmpty ? hosts : near
        let ids = Set(found.map(\.id))
        self.near = found
        self.far = Self.chosen(hosts.filter { !ids.contains($0.id) }, first: related)
    }

    /// Those that come first, and of the rest so many that are spread evenly.
    private static func chosen(_ hosts: [FleetHost], first: Set<AgentID>) -> [FleetHost] {
        guard hosts.count > farMax else { return hosts }
        let related = hosts.filter { first.contains($0.id) }.prefix(farMax)
        let rest = hosts.filter { !first.contains($0.id) }
        let left = min(farMax - related.count, rest.count)
        return related + (0..<left).map { rest[$0 * rest.count / left] }
    }

    /// What may separate hosts of one kind from each other.
    ///
    /// `facts` are what the host said just now: the versions and configuration that it has, not those that it had
    /// when it dialled in.
    static func traits(of host: FleetHost, facts: [String: String]) -> [String: String] {
        var traits: [String: String] = [:]
        for service in host.services where !service.version.isEmpty {
            traits["version of \(service.name)"] = service.version
        }
        for (name, value) in facts {
            if let service = Self.middle(of: name, between: "service.", and: ".version") {
                traits["version of \(service)"] = value
            } else if let path = Self.middle(of: name, between: "config.", and: ".hash") {
                traits["content of \(path)"] = String(value.prefix(12))
            }
        }
        for (name, value) in host.labels { traits["label \(name)"] = value }
        if !host.kernel.isEmpty { traits["kernel"] = host.kernel }
        if !host.system.isEmpty { traits["system"] = host.system }
        if !host.version.isEmpty { traits["agent version"] = host.version }
        return traits
    }

    private static func middle(of text: String, between head: String, and tail: String) -> String? {
        guard text.hasPrefix(head), text.hasSuffix(tail), text.count > head.count + tail.count else {
            return nil
        }
        return String(text.dropFirst(head.count).dropLast(tail.count))
    }
}
