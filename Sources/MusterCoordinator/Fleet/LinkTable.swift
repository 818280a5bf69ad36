import MusterCore
import MusterWire
import NIOCore
import Synchronization

/// The live connections by identity; at most one each.
final class LinkTable: Sendable {
    private let links = Mutex<[AgentID: AgentLink]>([:])

    subscript(agent: AgentID) -> AgentLink? { links.withLock { $0[agent] } }

    var count: Int { links.withLock { $0.count } }

    var all: [AgentLink] { links.withLock { Array($0.values) } }

    /// Puts a link in and returns the one that it replaces.
    func insert(_ link: AgentLink) -> AgentLink? {
        links.withLock { $0.updateValue(link, forKey: link.host.id) }
    }

    /// Takes a link out; false when another one has its place already.
    func remove(_ link: AgentLink) -> Bool {
        links.withLock { links in
            guard links[link.host.id] === link else { return false }
            links[link.host.id] = nil
            return true
        }
    }

    /// Sends one message to many agents, waking each event loop once; returns those that can't be sent anything now.
    func post(_ body: EncodedBody, to agents: [AgentID]) -> [AgentID] {
        var missing: [AgentID] = []
        var groups: [ObjectIdentifier: (loop: any EventLoop, links: [AgentLink])] = [:]
        links.withLock { links in
            for agent in agents {
                guard let link = links[agent], link.takesMessages else {
                    missing.append(agent)
                    continue
                }
                groups[ObjectIdentifier(link.eventLoop), default: (link.eventLoop, [])].links.append(link)
            }
        }
        for (_, group) in groups {
            group.loop.execute { for link in group.links { link.post(body) } }
        }
        return missing
    }
}
