import MusterCore

/// What all sick hosts have and no healthy one has.
package struct TraitDifference: Hashable, Sendable {
    /// `version of shop`, `kernel`, `label zone`.
    package var trait: String
    package var sick: String
    /// Values on healthy hosts, in order.
    package var healthy: [String]
    /// 0 to 1: how telling it is.
    package var effect: Double

    /// Compares hosts; needs at least one sick and one healthy host.
    ///
    /// A trait that differs on every host, such as a name, separates any host from the others and is left out.
    package static func find(in hosts: [HostHealth]) -> [TraitDifference] {
        let sick = hosts.filter { $0.state == .sick }
        let healthy = hosts.filter { $0.state == .healthy }
        guard let first = sick.first, !healthy.isEmpty else { return [] }
        var found: [TraitDifference] = []
        for (trait, value) in first.traits.sorted(by: { $0.key < $1.key }) {
            guard sick.allSatisfy({ $0.traits[trait] == value }) else { continue }
            let others = healthy.compactMap { $0.traits[trait] }
            guard others.count == healthy.count, !others.contains(value) else { continue }
            let kinds = Set(others)
            guard healthy.count == 1 || kinds.count < healthy.count else { continue }
            // One healthy value shared by many, against one sick value shared by many, tells most.
            let weight = 1 - 1 / Double(sick.count + healthy.count)
            found.append(
                TraitDifference(trait: trait, sick: value, healthy: kinds.sorted(), effect: weight)
            )
        }
        return found
    }
}
