import MusterCore
import MusterIncident

/// What the map of services knows of one of them.
package struct ServiceMapLookup: Sendable {
    /// Hosts of what it depends on directly.
    package var dependencies: @Sendable (String) -> Set<AgentID> = { _ in [] }
    /// What it calls, directly or by way of others.
    package var calls: @Sendable (String) -> [ServiceCall] = { _ in [] }
    /// On which ports of a host something listened lately.
    package var listeners: @Sendable (AgentID) -> [KnownListener] = { _ in [] }

    /// Nothing is known of any.
    package static let empty = ServiceMapLookup()

    package init() {}

    package init(_ mapper: ServiceMapper) {
        dependencies = { mapper.dependencies(of: $0) }
        calls = { mapper.calls(of: $0) }
        listeners = { mapper.listeners(of: $0) }
    }
}
