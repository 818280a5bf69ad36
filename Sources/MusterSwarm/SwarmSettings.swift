import MusterAgent

/// What a swarm is made of.
package struct SwarmSettings: Sendable {
    package var coordinator = Endpoint(host: "127.0.0.1", port: 7443)
    /// Where keys and certificates lie, a folder for each agent.
    package var folder = ""
    package var agents = 100
    package var seed: UInt64 = 1
    package var faults = SwarmFaults()
    /// How late a slow agent answers.
    package var slowness: Duration = .seconds(60)
    /// How long after its start a lying agent tells the truth.
    package var honestFor: Duration = .zero
    /// How far the clock of a skewed agent is ahead.
    package var skew: Duration = .seconds(300)
    /// Deadlines and backoff of every agent's link, as in the product.
    package var link = LinkEngine.Limits()
    /// Time over which the agents connect first.
    package var ramp: Duration = .seconds(1)
    /// Threads that drive the agents.
    package var threads = 2

    package init() {}
}

/// Something that keeps a swarm from running.
package struct SwarmError: Error, CustomStringConvertible {
    package var description: String

    package init(_ description: String) { self.description = description }
}
