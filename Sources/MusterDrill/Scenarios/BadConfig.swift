import Glibc
import MusterCore

/// Somebody edits the shop's configuration on one host, and the shop takes it.
struct BadConfig: Scenario {
    let name = ScenarioName.badConfig
    let hosts = HostPlan.threeWebs
    let kindExpected: CauseKind? = .badConfig
    let expected = "shop.conf on web-2: cart_items_max = 2"
    let place = CausePlace.hosts(["web-2"])

    func configure(_ shop: inout ShopConfiguration, of host: DemoHost, on stage: Stage) throws {
        try Files.write(ShopSettings().text, to: host.shopSettings)
        shop.settings = host.shopSettings
    }

    func observation(of host: DemoHost, on stage: Stage) throws -> HostObservation {
        HostObservation(watch: [.init(path: host.shopSettings, service: "shop")])
    }

    func breakIt(on stage: Stage) throws -> AlertmanagerWebhook {
        let host = try stage.host("web-2")
        stage.narrator.say(
            "Fault: somebody sets cart_items_max = 2 in shop.conf on web-2 and reloads the shop."
        )
        var settings = ShopSettings()
        settings.cartItemsMax = 2
        try Files.write(settings.text, to: host.shopSettings)
        host.signalShop(SIGHUP)
        return try AlertmanagerWebhook.errors(on: stage)
    }
}
