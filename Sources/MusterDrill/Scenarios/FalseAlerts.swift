import MusterCore

/// A rule fires although the shop is well: somebody set its threshold too low.
struct FalseAlert: Scenario {
    let name = ScenarioName.falseAlert
    let hosts = HostPlan.threeWebs
    let kindExpected: CauseKind? = nil
    let expected = "nothing: the threshold of the alert rule is too low"
    let place = CausePlace.anywhere

    func breakIt(on stage: Stage) throws -> AlertmanagerWebhook {
        stage.narrator.say("No fault: a rule fires whose threshold somebody set to 1 ms.")
        return AlertmanagerWebhook(
            name: "HighLatency",
            labels: ["service": "shop", "severity": "warning", "route": "/api/checkout"],
            summary: "shop /api/checkout takes longer than 1 ms",
            starts: WallClock.now()
        )
    }
}

/// The same, and a deploy that harms nobody went before it.
struct FalseAlertWithDecoy: Scenario {
    let name = ScenarioName.falseAlertWithDecoy
    let hosts = HostPlan.threeWebs
    let kindExpected: CauseKind? = nil
    let expected = "nothing: the deploy shortly before is innocent"
    let place = CausePlace.anywhere

    func breakIt(on stage: Stage) throws -> AlertmanagerWebhook {
        stage.narrator.say("No fault: mia deploys release 4522, which is sound, to web-1.")
        try stage.deploy("4522", on: "web-1", by: "mia")
        try Interruption.sleep(.seconds(12))
        stage.narrator.say("A rule fires whose threshold somebody set too low.")
        return AlertmanagerWebhook(
            name: "HighErrorRate",
            labels: ["service": "shop", "severity": "critical", "route": "/api/checkout"],
            summary: "shop /api/checkout error ratio above 0%",
            starts: WallClock.now()
        )
    }
}
