import MusterCore

extension HostPlan {
    /// The demo shop on three hosts.
    static let threeWebs = [
        HostPlan(name: "web-1", duty: .web, accessLogFormat: .combined),
        HostPlan(name: "web-2", duty: .web, accessLogFormat: .json),
        HostPlan(name: "web-3", duty: .web, accessLogFormat: .logfmt),
    ]
}

extension AlertmanagerWebhook {
    /// Waits until the share of failed checkouts has been too high for a while, and says so.
    static func errors(
        on stage: Stage,
        ratioMax: Double = 0.05,
        holds: Duration = .seconds(10)
    ) throws -> AlertmanagerWebhook {
        func count() -> TrafficRecord.Count { stage.traffic.count(last: .seconds(10), endpoint: .checkout) }
        try AlertRule.wait("errors at the shop", holds: holds) { count().ratio > ratioMax }
        let seen = count()
        stage.narrator.say(
            "Alert rule: \(seen.failed) of \(seen.requests) checkouts failed in the last 10 s "
                + "(\(seen.ratio.percentText)), above \(ratioMax.percentText) for \(holds.spoken)."
        )
        return AlertmanagerWebhook(
            name: "HighErrorRate",
            labels: ["service": "shop", "severity": "critical", "route": "/api/checkout"],
            summary: "shop /api/checkout error ratio \(seen.ratio.percentText)",
            starts: WallClock.now()
        )
    }
}

extension DemoHost {
    /// Mounts a small disk of this host's own at ``data``.
    func mountData(bytes: Int) throws {
        guard network.room != nil else {
            throw DrillError(
                .missing,
                "a disk of its own needs namespaces: run the drill as root, without --loopback"
            )
        }
        try command("/bin/mount", ["-t", "tmpfs", "-o", "size=\(bytes),mode=0755", "tmpfs", data]).succeed()
    }
}
