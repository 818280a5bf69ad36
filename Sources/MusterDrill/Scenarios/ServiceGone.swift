import MusterCore

/// The shop on one host ends without a word, and nothing starts it again.
struct ServiceGone: Scenario {
    let name = ScenarioName.serviceGone
    let hosts = HostPlan.threeWebs
    let kindExpected: CauseKind? = .dependencyDown
    let expected = "the shop on web-2 is gone, and nobody starts it again"
    let place = CausePlace.hosts(["web-2"])

    func breakIt(on stage: Stage) throws -> AlertmanagerWebhook {
        stage.narrator.say("Fault: the shop on web-2 is killed, and nobody starts it again.")
        try stage.host("web-2").killShop()
        return try CheckoutAlert.wait(on: stage)
    }
}
