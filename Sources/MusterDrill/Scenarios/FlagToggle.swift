import MusterCore

/// A feature flag is switched on everywhere, and the feature can't cope with large carts.
struct FlagToggle: Scenario {
    let name = ScenarioName.flagToggle
    let hosts = HostPlan.threeWebs
    let kindExpected: CauseKind? = .flag
    let expected = "flag express-pay switched on by ben"
    let place = CausePlace.change("express-pay")

    func breakIt(on stage: Stage) throws -> AlertmanagerWebhook {
        stage.narrator.say(
            "Fault: ben switches the flag express-pay on; it knows no carts of more than five items."
        )
        let command = stage.people.responder.command([
            "change", "record", "flag", "--service", "shop", "--reference", "express-pay", "--actor", "ben",
            "--before", "off", "--after", "on", "--at", "\(WallClock.now())", "--summary",
            "express-pay switched on for everybody",
        ])
        let answer = try command.succeed()
        stage.narrator.typed(command.line, as: stage.people.responder.name, answer: answer)
        for host in stage.hosts { try stage.setFault(.express, true, on: host.name) }
        return try AlertmanagerWebhook.errors(on: stage)
    }
}
