import MusterCore

/// Somebody limits the CPU of the shop on one host to less than it needs.
struct CPULimit: Scenario {
    let name = ScenarioName.cpuLimit
    let hosts = HostPlan.threeWebs
    let kindExpected: CauseKind? = .cpu
    let expected = "the shop on web-2 may use 5% of a CPU and needs more"
    let place = CausePlace.hosts(["web-2"])

    private static let share = 0.05

    func configure(_ shop: inout ShopConfiguration, of host: DemoHost, on stage: Stage) throws {
        var settings = ShopSettings()
        settings.workMilliseconds = 6
        try Files.write(settings.text, to: host.shopSettings)
        shop.settings = host.shopSettings
    }

    func breakIt(on stage: Stage) throws -> AlertmanagerWebhook {
        guard let group = try stage.host("web-2").group(of: "shop") else {
            throw DrillError(
                .missing,
                "\(name.rawValue) needs control groups: run it as root, without --loopback"
            )
        }
        stage.narrator.say(
            "Fault: the control group of the shop on web-2 gets a limit of \(Self.share.percentText) of a CPU."
        )
        try HostGroups.limitCPU(of: group, to: Self.share)
        // Agents look at control groups every ten seconds.
        return try CheckoutAlert.wait(on: stage, lateMax: 0.03, holds: .seconds(22))
    }
}
