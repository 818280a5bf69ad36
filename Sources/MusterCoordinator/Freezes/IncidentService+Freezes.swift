import MusterCore
import MusterIncident

extension IncidentService {
    /// Longest that a freeze may last by itself.
    private static let lifeMax = 366 * 86_400

    package func freezes() async -> [Freeze] { board.active(at: now()) }

    package func freeze(
        _ request: FreezeRequest,
        by operatorName: String
    ) async throws(OperationError) -> FreezeReceipt {
        let service = try Self.scope(request.service, request.all)
        let (reason, moment) = (request.reason, now())
        guard reason.contains(where: { !$0.isWhitespace }), reason.utf8.count <= Freeze.reasonBytesMax else {
            throw OperationError(
                .malformed,
                "a freeze has a reason, of at most \(Freeze.reasonBytesMax) bytes: whoever is stopped by it reads it"
            )
        }
        if let life = request.lifeSeconds, !(1...Self.lifeMax).contains(life) {
            throw OperationError(.malformed, "a freeze lasts from 1 second to 366 days")
        }
        let freeze = Freeze(
            service: service,
            by: operatorName,
            reason: reason,
            since: moment,
            until: request.lifeSeconds.map { moment + .seconds($0) }
        )
        try await board.set(freeze, at: moment)
        return FreezeReceipt(freeze: freeze, reach: await spread(service))
    }

    package func thaw(
        _ request: ThawRequest,
        by operatorName: String
    ) async throws(OperationError) -> FreezeReach {
        let service = try Self.scope(request.service, request.all)
        try await board.lift(service, by: operatorName, at: now())
        return await spread(service)
    }

    /// Has hosts and incidents take notice; returns when every incident has it in its record.
    private func spread(_ service: String?) async -> FreezeReach {
        // Hosts first: what is on its way to them already is then refused there.
        let told = await fleet.tellFreezes()
        await withDiscardingTaskGroup { tasks in
            for runner in runners.withLock({ Array($0.values) }) { tasks.addTask { await runner.look() } }
        }
        var reach = FreezeReach()
        for host in await fleet.hosts() where host.state != .revoked && board.concerns(service, host) {
            if told.contains(host.id) { reach.hostsTold += 1 } else { reach.hostsAway += 1 }
        }
        let freeze = Freeze(service: service, by: "", reason: "", since: now())
        reach.incidents = shelf.summaries.count { incident in
            incident.status != .resolved && incident.status != .closed && freeze.concerns(incident.service)
        }
        return reach
    }

    /// The service, or nil for all; exactly one of the two is said.
    private static func scope(_ service: String?, _ all: Bool?) throws(OperationError) -> String? {
        switch (service, all ?? false) {
        case (nil, true): return nil
        case (let service?, false):
            guard !service.isEmpty, service.utf8.count <= Freeze.serviceBytesMax else {
                throw OperationError(
                    .malformed,
                    "a service's name has 1 to \(Freeze.serviceBytesMax) bytes"
                )
            }
            return service
        case (nil, false), (_?, true):
            throw OperationError(.malformed, "give either \"service\" with a name or \"all\": true")
        }
    }
}
