import MusterCore

/// The shop on one host computes without end, and has nothing left for its requests.
struct BusyShop: Scenario {
    let name = ScenarioName.busyShop
    let hosts = HostPlan.threeWebs
    let kindExpected: CauseKind? = .cpu
    let expected = "the shop on web-3 takes its CPU itself"
    let place = CausePlace.hosts(["web-3"])

    func configure(_ shop: inout ShopConfiguration, of host: DemoHost, on stage: Stage) throws {
        var settings = ShopSettings()
        settings.workMilliseconds = 6
        try Files.write(settings.text, to: host.shopSettings)
        shop.settings = host.shopSettings
    }

    func launcher(of host: DemoHost) -> [String] {
        // One CPU, on which the runaway threads of the shop stand in its own way.
        host.name == "web-3" ? ["/usr/bin/taskset", "-c", "0"] : []
    }

    func breakIt(on stage: Stage) throws -> AlertmanagerWebhook {
        stage.narrator.say("Fault: threads of the shop on web-3 run in circles.")
        try stage.setFault(.spin, true, on: "web-3")
        return try CheckoutAlert.wait(on: stage, lateMax: 0.03)
    }
}
