extension ScenarioCatalogue {
    /// Faults of databases, networks and dependencies.
    static let network: [Entry] = []
}
