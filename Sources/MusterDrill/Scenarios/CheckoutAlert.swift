import MusterCore

/// An alert rule on checkouts: too many fail, or too many are late.
enum CheckoutAlert {
    private static let failedMax = 0.02
    static let lateMax = 0.25

    /// Waits until the rule fires, and says what it says.
    static func wait(
        on stage: Stage,
        service: String = "shop",
        lateMax: Double = lateMax,
        holds: Duration = .seconds(12)
    ) throws -> AlertmanagerWebhook {
        func count() -> TrafficRecord.Count { stage.traffic.count(last: .seconds(8), endpoint: .checkout) }
        try AlertRule.wait("failing or late checkouts", holds: holds) {
            let count = count()
            return count.ratio > failedMax || count.slowRatio > lateMax
        }
        let seen = count()
        stage.narrator.say(
            "Alert rule: of \(seen.requests) checkouts in the last 8 s \(seen.failed) failed and \(seen.slow) took "
                + "longer than \(TrafficRecord.slowFrom.spoken)."
        )
        let fails = seen.ratio > failedMax
        return AlertmanagerWebhook(
            name: fails ? "HighErrorRate" : "HighLatency",
            labels: ["service": service, "severity": "critical", "route": "/api/checkout"],
            summary: fails
                ? "\(service) /api/checkout error ratio \(seen.ratio.percentText)"
                : "\(service) /api/checkout: \(seen.slowRatio.percentText) above \(TrafficRecord.slowFrom.spoken)",
            starts: WallClock.now()
        )
    }
}
