import MusterCore

/// Somebody left a debug message in a loop: one host writes hundreds of lines for each checkout.
struct LogFlood: Scenario {
    let name = ScenarioName.logFlood
    let hosts = HostPlan.threeWebs
    let kindExpected: CauseKind? = .logFlood
    let expected = "the shop on web-2 writes thousands of lines a second"
    let place = CausePlace.hosts(["web-2"])

    func breakIt(on stage: Stage) throws -> AlertmanagerWebhook {
        stage.narrator.say("Fault: the shop on web-2 logs each step of a price, hundreds for each checkout.")
        try stage.setFault(.flood, true, on: "web-2")
        try Interruption.sleep(.seconds(14))
        return AlertmanagerWebhook(
            name: "LogVolumeHigh",
            labels: ["service": "shop", "severity": "warning"],
            summary: "shop writes many times as many log lines as usual",
            starts: WallClock.now()
        )
    }
}
