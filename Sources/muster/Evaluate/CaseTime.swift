/// Which time of a recorded incident is looked at, in Unix seconds.
struct CaseTime {
    /// When the alert fires, or is pretended to.
    let alertAt: Double
    /// What came from here on is left out; nil when nothing is.
    let hiddenFrom: Double?
    /// Whether the healthy time is looked at instead of the incident.
    let isHealthy: Bool
    /// Differs from case to case, so that no two look at the same healthy moment.
    private let share: Double

    init(_ info: CaseInfo, options: CaseOptions) {
        if let before = options.quietBefore {
            alertAt = info.alertAt - before
            // Half a minute before the alert it may have begun.
            hiddenFrom = info.alertAt - min(30, before / 2)
        } else {
            alertAt = info.alertAt + options.alertAfter
            hiddenFrom = nil
        }
        isHealthy = options.isHealthy
        // In the second half, so that there is a before.
        share = 0.5 + 0.4 * (info.alertAt / 977).truncatingRemainder(dividingBy: 1)
    }

    /// From when on telemetry counts as of now: the alert, or a moment of the healthy time that `reference` holds.
    ///
    /// `unit` is how many seconds one is in the column of time.
    func now(in reference: CSVTable?, column: String, unit: Double) throws(CLIError) -> Double {
        guard isHealthy, let reference, reference.count > 3 else { return alertAt }
        let time = try reference.column(column)
        let times = (0..<reference.count).compactMap { reference.number($0, time) }.sorted()
        return times[Int(share * Double(times.count - 1))] * unit
    }
}
