import Glibc
import MusterCore

/// A batch job takes the CPU on one host, and the shop there gets what is left.
struct NoisyNeighbour: Scenario {
    let name = ScenarioName.noisyNeighbour
    let hosts = HostPlan.threeWebs
    let kindExpected: CauseKind? = .noisyNeighbour
    let expected = "nightly-report takes the CPU on web-2"
    let place = CausePlace.hosts(["web-2"])

    private static let job = "nightly-report"

    func configure(_ shop: inout ShopConfiguration, of host: DemoHost, on stage: Stage) throws {
        var settings = ShopSettings()
        settings.workMilliseconds = 6
        try Files.write(settings.text, to: host.shopSettings)
        shop.settings = host.shopSettings
    }

    func launcher(of host: DemoHost) -> [String] { host.name == "web-2" ? Self.oneCPU : [] }

    func breakIt(on stage: Stage) throws -> AlertmanagerWebhook {
        let host = try stage.host("web-2")
        guard let group = host.group(of: Self.job) else {
            throw DrillError(
                .missing,
                "\(name.rawValue) needs control groups: run it as root, without --loopback"
            )
        }
        stage.narrator.say(
            "Fault: a batch job of somebody else takes the CPU on web-2, where the shop has one."
        )
        // A job of its own name: the kernel calls a program by its file.
        let program = "\(host.folder)/\(Self.job)"
        guard symlink(stage.programs.drill, program) == 0 else {
            throw DrillError(.file, "can't make \(program): \(String(cString: strerror(errno)))")
        }
        try HostGroups.weigh(group, shares: 20_480)
        try stage.start(Self.job, Self.oneCPU + [program, "compute"], on: "web-2")
        return try CheckoutAlert.wait(on: stage, lateMax: 0.03)
    }

    /// So that a machine with two CPUs is enough for three hosts.
    private static var oneCPU: [String] {
        ["/usr/bin/taskset", "-c", "\(max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) - 1)"]
    }
}
