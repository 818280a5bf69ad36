extension ScenarioName {
    static let diskFull = ScenarioName(known: "disk-full")
    static let fileLeak = ScenarioName(known: "file-leak")
    static let memoryLeak = ScenarioName(known: "memory-leak")
    static let noisyNeighbour = ScenarioName(known: "noisy-neighbour")
    static let busyShop = ScenarioName(known: "busy-shop")
    static let cpuLimit = ScenarioName(known: "cpu-limit")
    static let serviceGone = ScenarioName(known: "service-gone")
    static let logFlood = ScenarioName(known: "log-flood")
    static let badConfig = ScenarioName(known: "bad-config")
    static let flagToggle = ScenarioName(known: "flag-toggle")
    static let trafficSurge = ScenarioName(known: "traffic-surge")
}

extension ScenarioCatalogue {
    /// Faults of hosts and of what runs on them.
    static let host = [
        Entry("disk-full", "the data disk of one host fills up") { _ in DiskFull() },
        Entry("file-leak", "a shop uses up its file descriptors") { _ in FileLeak() },
        Entry("memory-leak", "a shop leaks memory until the kernel kills it") { _ in MemoryLeak() },
        Entry("noisy-neighbour", "a batch job takes the CPU on one host") { _ in NoisyNeighbour() },
        Entry("busy-shop", "a shop takes its CPU itself") { _ in BusyShop() },
        Entry("cpu-limit", "a shop gets less CPU than it needs") { _ in CPULimit() },
        Entry("service-gone", "a shop ends and is not started again") { _ in ServiceGone() },
        Entry("log-flood", "a shop writes thousands of lines a second") { _ in LogFlood() },
        Entry("bad-config", "the shop's configuration is edited on one host") { _ in BadConfig() },
        Entry("flag-toggle", "a feature flag is switched on everywhere") { _ in FlagToggle() },
        Entry("traffic-surge", "six times the usual requests come") { _ in TrafficSurge() },
        Entry("clock-skew", "the clock of one host is set wrong, and payments from there are refused") { _ in
            ClockSkew()
        },
    ]
}
