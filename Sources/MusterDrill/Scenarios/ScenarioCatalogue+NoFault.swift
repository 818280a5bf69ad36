extension ScenarioCatalogue {
    /// Alerts with nothing behind them.
    static let noFault: [Entry] = []
}
