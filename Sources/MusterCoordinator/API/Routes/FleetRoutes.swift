import Hummingbird
import MusterCore
import MusterIncident

/// The list of hosts, and who may join it or must leave it.
struct FleetRoutes {
    let services: APIServices
    let bytesMax: Int

    /// Steps from a service that a map may reach.
    private static let depthMax = 8

    func add(to group: RouterGroup<APIContext>) {
        group.get("fleet") { _, context in
            _ = try context.caller(with: .look)
            return try APIBody.response(await services.fleet.hosts())
        }
        group.get("fleet/map") { request, context in
            _ = try context.caller(with: .look)
            let depth = request.uri.queryParameters["depth"].map { Int($0) ?? -1 } ?? Self.depthMax
            guard (1...Self.depthMax).contains(depth) else {
                throw OperationError(.malformed, "depth is a whole number from 1 to \(Self.depthMax)")
            }
            let service = request.uri.queryParameters["service"].map { String($0) }
            let view = await services.map.view(around: service, depth: depth)
            if let service, view.services.isEmpty {
                throw OperationError(
                    .notFound,
                    """
                    no service \"\(service)\" was seen; connections of \(view.hostsSeen) of \(view.hosts) hosts are known
                    """
                )
            }
            return try APIBody.response(view)
        }
        group.get("tokens") { _, context in
            _ = try context.caller(with: .administer)
            return try APIBody.response(try await services.administration.tokens())
        }
        group.post("tokens", use: createToken)
        group.delete("tokens/:id") { _, context in
            let caller = try context.caller(with: .administer)
            let id = context.parameters.get("id") ?? ""
            try await services.audit.record("token.revoke", of: id, by: caller) {
                try await services.administration.revokeToken(id)
            }
            return Response(status: .noContent)
        }
        group.post("agents/:agent/revoke", use: revokeAgent)
        group.post("agents/:agent/release") { _, context in
            let caller = try context.caller(with: .administer)
            let word = context.parameters.get("agent") ?? ""
            let host = try Self.host(word, among: await services.fleet.hosts())
            try await services.audit.record("agent.release", of: "\(host.name) \(host.id)", by: caller) {
                try await services.administration.release(host.id)
            }
            return Response(status: .noContent)
        }
    }

    @Sendable private func createToken(_ request: Request, _ context: APIContext) async throws -> Response {
        let caller = try context.caller(with: .administer)
        let body = try await APIBody.decode(JoinTokenRequest.self, from: request, max: bytesMax)
        let labels = body.labels.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(
            separator: ","
        )
        let token = try await services.audit.record(
            "token.create",
            of: labels,
            by: caller,
            detail: "\(body.uses) uses, \(body.lifeSeconds) s"
        ) {
            try await services.administration.createToken(
                labels: body.labels,
                uses: body.uses,
                life: .seconds(body.lifeSeconds),
                by: caller.name
            )
        }
        return try APIBody.response(JoinTokenCreated(id: token.id, token: token.text), status: .created)
    }

    @Sendable private func revokeAgent(_ request: Request, _ context: APIContext) async throws -> Response {
        let caller = try context.caller(with: .administer)
        let body = try await APIBody.decode(ReasonRequest.self, from: request, max: bytesMax)
        let word = context.parameters.get("agent") ?? ""
        let host = try Self.host(word, among: await services.fleet.hosts())
        let target = "\(host.name) \(host.id)"
        try await services.audit.record("agent.revoke", of: target, by: caller, detail: body.reason) {
            try await services.administration.revoke(host.id, reason: body.reason)
        }
        return Response(status: .noContent)
    }

    /// The one host that a name or an identity means.
    ///
    /// Names are the agents' own word, so two hosts may have one; then only the identity will do.
    static func host(_ word: String, among hosts: [FleetHost]) throws(OperationError) -> FleetHost {
        if let id = AgentID(word) {
            guard let host = hosts.first(where: { $0.id == id }) else {
                throw OperationError(.notFound, "there is no host with the identity \(id)")
            }
            return host
        }
        let named = hosts.filter { $0.name == word && $0.state != .revoked }
        guard let host = named.first else {
            throw OperationError(.notFound, "there is no host called \"\(word)\" that is not revoked already")
        }
        guard named.count == 1 else {
            let list = named.map(\.id.description).joined(separator: ", ")
            throw OperationError(
                .conflict,
                "\(named.count) hosts are called \"\(word)\"; give the identity: \(list)"
            )
        }
        return host
    }
}
