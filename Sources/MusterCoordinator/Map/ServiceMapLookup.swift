import MusterCore
import MusterIncident

/// What the map of services knows of one of them.
package struct ServiceMapLookup: Sendable {
    /// Hosts of what it depends on directly.
    package var dependencies: @Sendable (String) -> Set<AgentID>
    /// What it calls, directly or by way of others.
    package var calls: @Sendable (String) -> [ServiceCall]

    /// Nothing is known of any.
    package static let empty = ServiceMapLookup(dependencies: { _ in [] }, calls: { _ in [] })

    package init(
        dependencies: @escaping @Sendable (String) -> Set<AgentID>,
        calls: @escaping @Sendable (String) -> [ServiceCall]
    ) {
        self.dependencies = dependencies
        self.calls = calls
    }

    package init(_ mapper: ServiceMapper) {
        self.init(
            dependencies: { mapper.dependencies(of: $0) },
            calls: { mapper.calls(of: $0) }
        )
    }
}
