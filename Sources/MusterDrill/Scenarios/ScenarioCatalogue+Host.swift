extension ScenarioCatalogue {
    /// Faults of hosts and of what runs on them.
    static let host: [Entry] = []
}
