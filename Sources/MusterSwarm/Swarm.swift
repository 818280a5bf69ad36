import MusterCore
import NIOCore
import NIOPosix

/// Many simulated agents in one process.
package final class Swarm: Sendable {
    private let group: MultiThreadedEventLoopGroup
    private let agents: [NIOLoopBound<SimulatedAgent>]
    private let tally = SwarmTally()

    /// Starts all agents; they connect within the settings' ramp.
    package init(_ members: [SwarmMember], settings: SwarmSettings) async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: settings.threads)
        self.group = group
        let tally = tally
        var agents: [NIOLoopBound<SimulatedAgent>] = []
        for (number, member) in zip(1..., members) {
            // Of two that share an identity the second comes when the first is there.
            var later = settings
            later.ramp = settings.ramp + .seconds(2)
            for settings in member.fault == .duplicate ? [settings, later] : [settings] {
                let loop = group.next()
                let agent = loop.submit {
                    NIOLoopBound(
                        SimulatedAgent(member, number: number, settings: settings, tally: tally, loop: loop),
                        eventLoop: loop
                    )
                }
                agents.append(try await agent.get())
            }
        }
        self.agents = agents
        for agent in agents { agent.eventLoop.execute { agent.value.turn() } }
    }

    /// What they did so far.
    package var counts: SwarmCounts { tally.snapshot }

    /// Drops all connections at once, without a goodbye.
    package func crash() {
        for agent in agents { agent.eventLoop.execute { agent.value.crash() } }
    }

    /// Ends all agents.
    package func stop() async {
        for agent in agents { try? await agent.eventLoop.submit { agent.value.stop() }.get() }
        try? await group.shutdownGracefully()
    }
}
