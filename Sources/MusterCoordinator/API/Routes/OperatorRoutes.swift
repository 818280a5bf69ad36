import Hummingbird
import MusterCore
import MusterIncident

/// Who may use the API, and what they did with it.
struct OperatorRoutes {
    let services: APIServices
    let bytesMax: Int
    let now: @Sendable () -> Timestamp

    func add(to group: RouterGroup<APIContext>) {
        group.get("operators") { _, context in
            _ = try context.caller(with: .administer)
            return try APIBody.response(try await services.operators.operators())
        }
        group.post("operators") { request, context in
            let caller = try context.caller(with: .administer)
            let body = try await APIBody.decode(OperatorRequest.self, from: request, max: bytesMax)
            let created = try await services.audit.record(
                "operator.create",
                of: body.name,
                by: caller,
                detail: "role \(body.role.rawValue)"
            ) {
                try await services.operators.create(body, by: caller.name, at: now())
            }
            return try APIBody.response(created, status: .created)
        }
        group.delete("operators/:name") { _, context in
            let caller = try context.caller(with: .administer)
            let name = context.parameters.get("name") ?? ""
            try await services.audit.record("operator.revoke", of: name, by: caller) {
                try await services.operators.revoke(name, at: now())
            }
            return Response(status: .noContent)
        }
        group.get("audit") { request, context in
            _ = try context.caller(with: .administer)
            let limit = request.uri.queryParameters["limit"].flatMap { Int($0) } ?? 100
            return try APIBody.response(try await services.audit.entries(limit: limit))
        }
    }
}
