import MusterCore

/// Many times the usual traffic comes to a shop that can take some of it.
struct TrafficSurge: Scenario {
    let name = ScenarioName.trafficSurge
    let hosts = HostPlan.threeWebs
    let kindExpected: CauseKind? = .trafficSurge
    let expected = "six times as many requests as usual"
    let place = CausePlace.service("shop")

    private static let factor = 6

    func configure(_ shop: inout ShopConfiguration, of host: DemoHost, on stage: Stage) throws {
        var settings = ShopSettings()
        settings.waitMilliseconds = 60
        settings.checkoutsMax = 4
        try Files.write(settings.text, to: host.shopSettings)
        shop.settings = host.shopSettings
    }

    func breakIt(on stage: Stage) throws -> AlertmanagerWebhook {
        stage.narrator.say("Fault: an advertisement brings \(Self.factor) times the usual requests.")
        try stage.traffic.multiply(by: Self.factor)
        return try AlertmanagerWebhook.errors(on: stage)
    }
}
