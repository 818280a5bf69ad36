import Logging
import MusterCore
import MusterIncident
import ServiceLifecycle
import Synchronization

/// Keeps the ``ServiceMap`` by asking each host for its sockets now and then, a part of them every few seconds.
package final class ServiceMapper: Service, CustomStringConvertible {
    package let description = "ServiceMapper"
    private let fleet: any Fleet
    /// Between two questions to one host.
    private let interval: Duration
    private let map = Mutex(ServiceMap())
    private let now: @Sendable () -> Timestamp

    private static let step = Duration.seconds(5)
    /// Hosts that are asked at once at least, so that a small fleet is known soon.
    private static let stepMin = 200
    private static let budget = QuestionBudget(deadline: .seconds(5))

    package init(
        fleet: any Fleet,
        interval: Duration,
        now: @escaping @Sendable () -> Timestamp = FleetConfiguration.systemClock
    ) {
        self.fleet = fleet
        self.interval = interval
        self.now = now
    }

    /// The services around one, or all; see ``ServiceMap/view(around:depth:hosts:)``.
    package func view(around service: String?, depth: Int) async -> ServiceMapView {
        let total = await fleet.hosts().count { $0.state != .revoked }
        return map.withLock { $0.view(around: service, depth: depth, hosts: total) }
    }

    /// Hosts of what a service depends on directly.
    package func dependencies(of service: String) -> Set<AgentID> {
        map.withLock { $0.dependencies(of: service) }
    }

    /// What a service calls, directly or by way of others, the nearest first.
    package func calls(of service: String) -> [ServiceCall] {
        map.withLock { $0.calls(of: service, max: Inquiry.callsMax / 2) }
    }

    /// The ports on which something listened on a host within the last hour.
    package func listeners(of host: AgentID) -> [KnownListener] { map.withLock { $0.listeners(of: host) } }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            // When each host was last asked; those that came meanwhile are asked first.
            var asked: [AgentID: ContinuousClock.Instant] = [:]
            while (try? await Task.sleep(for: Self.step)) != nil {
                let hosts = await self.fleet.hosts()
                self.map.withLock { $0.keep(Set(hosts.lazy.filter { $0.state != .revoked }.map(\.id))) }
                let clock = ContinuousClock.now
                let due = hosts.filter { host in
                    host.state == .connected && asked[host.id].map { clock - $0 >= self.interval } ?? true
                }
                // Twice what the interval asks for, and no more: never a rush after a restart.
                let share = Double(hosts.count) * (Self.step / self.interval)
                let turn = due.prefix(max(Self.stepMin, Int(share * 2)))
                guard !turn.isEmpty else { continue }
                for host in turn { asked[host.id] = clock }
                await self.look(at: Array(turn))
            }
        }
    }

    private func look(at hosts: [FleetHost]) async {
        let addresses = Dictionary(uniqueKeysWithValues: hosts.map { ($0.id, $0.address) })
        let reply = await fleet.ask(
            .sockets(port: 0),
            of: hosts.map(\.id),
            budget: Self.budget,
            purpose: .browsing,
            onReply: nil
        )
        let now = now()
        map.withLock { map in
            for reply in reply.replies {
                guard case .sockets(let answer)? = reply.answer else { continue }
                map.take(answer, of: reply.host, address: addresses[reply.host.id] ?? "", at: now)
            }
        }
    }
}
