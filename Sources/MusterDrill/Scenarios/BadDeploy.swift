import MusterCore

/// A deploy on one of three hosts makes a part of the checkouts fail.
struct BadDeploy: Scenario {
    let name = ScenarioName.badDeploy
    let hosts = [
        HostPlan(name: "web-1", duty: .web, accessLogFormat: .combined),
        HostPlan(name: "web-2", duty: .web, accessLogFormat: .json),
        HostPlan(name: "web-3", duty: .web, accessLogFormat: .logfmt),
    ]
    let kindExpected: CauseKind? = .badDeploy
    let expected = "deploy #4521 by sarah on web-2"
    let place = CausePlace.change("4521")
    let goal = DrillGoal.resolved

    /// Share of failing checkouts at which the alert rule fires, and for how long it must hold.
    private static let ratioMax = 0.05
    private static let holds = Duration.seconds(16)

    func breakIt(on stage: Stage) throws -> AlertmanagerWebhook {
        let narrator = stage.narrator
        narrator.say("Fault: sarah deploys release 4521 to web-2. It carries a defect in split payments.")
        try stage.deploy("4521", on: "web-2", by: "sarah")
        try AlertRule.wait("errors at the shop", holds: Self.holds) {
            stage.traffic.count(last: .seconds(10), endpoint: .checkout).ratio > Self.ratioMax
        }
        let count = stage.traffic.count(last: .seconds(10), endpoint: .checkout)
        narrator.say(
            "Alert rule: \(count.failed) of \(count.requests) checkouts failed in the last 10 s "
                + "(\(count.ratio.percentText)), above \(Self.ratioMax.percentText) for \(Self.holds.spoken)."
        )
        return AlertmanagerWebhook(
            name: "HighErrorRate",
            labels: ["service": "shop", "severity": "critical", "route": "/api/checkout"],
            summary: "shop /api/checkout error ratio \(count.ratio.percentText)",
            // Prometheus says when the alert fired, not when its expression first held.
            starts: WallClock.now()
        )
    }

}
