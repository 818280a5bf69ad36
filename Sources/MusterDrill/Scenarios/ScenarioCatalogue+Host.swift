extension ScenarioName {
    static let diskFull = ScenarioName(known: "disk-full")
    static let fileLeak = ScenarioName(known: "file-leak")
    static let badConfig = ScenarioName(known: "bad-config")
    static let flagToggle = ScenarioName(known: "flag-toggle")
    static let trafficSurge = ScenarioName(known: "traffic-surge")
}

extension ScenarioCatalogue {
    /// Faults of hosts and of what runs on them.
    static let host = [
        Entry("disk-full", "the data disk of one host fills up") { _ in DiskFull() },
        Entry("file-leak", "a shop uses up its file descriptors") { _ in FileLeak() },
        Entry("bad-config", "the shop's configuration is edited on one host") { _ in BadConfig() },
        Entry("flag-toggle", "a feature flag is switched on everywhere") { _ in FlagToggle() },
        Entry("traffic-surge", "six times the usual requests come") { _ in TrafficSurge() },
    ]
}
