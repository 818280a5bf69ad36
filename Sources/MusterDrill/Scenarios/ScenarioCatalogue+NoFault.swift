extension ScenarioName {
    static let falseAlert = ScenarioName(known: "false-alert")
    static let falseAlertWithDecoy = ScenarioName(known: "false-alert-with-decoy")
}

extension ScenarioCatalogue {
    /// Alerts with nothing behind them.
    static let noFault = [
        Entry("false-alert", "no fault: an alert rule with a wrong threshold") { _ in FalseAlert() },
        Entry("false-alert-with-decoy", "no fault: the same after an innocent deploy") { _ in
            FalseAlertWithDecoy()
        },
    ]
}
