import MusterCore

/// The shop on one host keeps what it should give back, until the kernel kills it at the limit of its control group.
struct MemoryLeak: Scenario {
    let name = ScenarioName.memoryLeak
    let hosts = HostPlan.threeWebs
    let kindExpected: CauseKind? = .oomKill
    let expected = "the kernel kills the shop on web-2 at its memory limit"
    let place = CausePlace.hosts(["web-2"])

    private static let limitBytes = 128 << 20

    func prepare(on stage: Stage) throws {
        for host in stage.hosts {
            guard let group = host.group(of: "shop"), HostGroups.limitsMemory else {
                throw DrillError(
                    .missing,
                    "\(name.rawValue) needs a memory controller in /sys/fs/cgroup/memory: run it as root, without "
                        + "--loopback, on a host with control groups of version 1"
                )
            }
            try HostGroups.limitMemory(of: group, to: Self.limitBytes)
        }
    }

    func launcher(of host: DemoHost) -> [String] { [host.programs.drill, "keep", "--"] }

    func breakIt(on stage: Stage) throws -> AlertmanagerWebhook {
        stage.narrator.say(
            "Fault: the shop on web-2 keeps 1 MiB of each checkout, also after it was started again. It may have "
                + "\(Self.limitBytes >> 20) MiB."
        )
        try stage.host("web-2").changeShop { $0.faults = [ShopFaults.Name.memory.rawValue] }
        try stage.setFault(.memory, true, on: "web-2")
        return try AlertmanagerWebhook.errors(on: stage, ratioMax: 0.01, holds: .seconds(8))
    }
}
