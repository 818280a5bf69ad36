import MusterCore

/// The coordinator's configuration in a drill: what a small shop would write.
struct CoordinatorFiles {
    let configuration: String
    let state: String
    /// `address:port` for agents, and for the API.
    let agents: String
    let api: String

    func write() throws(DrillError) {
        try Files.write(
            """
            listen: { agents: "\(agents)", api: "\(api)" }
            state: \(state)
            runbooks: \(configuration)/runbooks
            cost_per_failed_request: 0.35
            cost_per_minute: 20
            currency: EUR

            """,
            to: "\(configuration)/coordinator.yaml"
        )
        try Files.write(
            """
            teams:
              - service: shop
                team: Checkout
                channel: "#checkout"
                escalation: [sarah, dana]

            """,
            to: "\(configuration)/teams.yaml"
        )
        // Everything that the runbooks speak of is built in.
        try Files.write("signals: []\n", to: "\(configuration)/signals.yaml")
        for (name, text) in Self.runbooks { try Files.write(text, to: "\(configuration)/runbooks/\(name)") }
    }
}
