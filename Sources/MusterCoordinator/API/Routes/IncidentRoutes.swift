import Hummingbird
import MusterCore
import MusterIncident

/// Incidents, their events, plans and post-mortems.
struct IncidentRoutes {
    let services: APIServices
    let bytesMax: Int

    private var operations: any Operations { services.operations }

    func add(to group: RouterGroup<APIContext>) {
        group.get("incidents") { _, context in
            _ = try context.caller(with: .look)
            return try APIBody.response(await operations.incidents())
        }
        group.get("incidents/:id") { _, context in
            _ = try context.caller(with: .look)
            return try APIBody.response(try await detail(context))
        }
        group.get("incidents/:id/events", use: events)
        group.get("incidents/:id/postmortem") { _, context in
            _ = try context.caller(with: .look)
            let detail = try await detail(context)
            guard let text = await operations.postMortem(detail.summary.id) else {
                throw OperationError(.notFound, "the post-mortem of this incident is not written yet")
            }
            return APIBody.response(bytes: text.utf8, type: "text/markdown; charset=utf-8")
        }
        group.get("incidents/:id/plans/:plan") { _, context in
            _ = try context.caller(with: .look)
            return try APIBody.response(try await plan(context))
        }
        group.post("incidents/:id/plans/:plan/approve", use: approve)
        group.post("incidents/:id/plans/:plan/break-glass", use: breakGlass)
        group.post("incidents/:id/plans/:plan/reject", use: reject)
        for order in RolloutOrder.allCases {
            group.post("incidents/:id/plans/:plan/\(order.rawValue)") { request, context in
                try await steer(order, request, context)
            }
        }
        group.post("incidents/:id/close", use: close)
    }

    @Sendable private func events(_ request: Request, _ context: APIContext) async throws -> Response {
        _ = try context.caller(with: .look)
        var since = 0
        if let text = request.uri.queryParameters["since"] {
            guard let number = Int(text), number >= 0 else {
                throw OperationError(
                    .malformed,
                    "since is the sequence number of the last event seen, from 0"
                )
            }
            since = number
        }
        let detail = try await detail(context)
        return try APIBody.response(
            await operations.eventsSince(incident: detail.summary.id, sequence: since)
        )
    }

    @Sendable private func approve(_ request: Request, _ context: APIContext) async throws -> Response {
        let caller = try context.caller(with: .approve)
        let (incident, plan) = (try Self.incident(context), try Self.plan(context))
        let approval = try await APIBody.decode(Approval.self, from: request, max: bytesMax)
        guard approval.signature.count == 64, !approval.signer.isEmpty, approval.signer.utf8.count <= 64
        else {
            throw OperationError(
                .malformed,
                "an approval is the signer's name and 64 bytes of Ed25519 signature"
            )
        }
        try await services.audit.record(
            "plan.approve",
            of: plan.description,
            by: caller,
            detail: "incident \(incident), signed by \(approval.signer)"
        ) {
            try await operations.approve(plan, of: incident, approval: approval, by: caller.name)
        }
        return Response(status: .noContent)
    }

    @Sendable private func breakGlass(_ request: Request, _ context: APIContext) async throws -> Response {
        let caller = try context.caller(with: .approve)
        let (incident, plan) = (try Self.incident(context), try Self.plan(context))
        let use = try await APIBody.decode(BreakGlass.self, from: request, max: bytesMax)
        guard use.signature.count == 64, !use.signer.isEmpty, use.signer.utf8.count <= 64,
            BreakGlass.isReason(use.reason)
        else {
            throw OperationError(
                .malformed,
                "to break the glass takes the signer's name, a reason of one line and 64 bytes of Ed25519 signature"
            )
        }
        try await services.audit.record(
            "plan.break-glass",
            of: plan.description,
            by: caller,
            detail: "incident \(incident), signed by \(use.signer): \(use.reason)"
        ) {
            try await operations.breakGlass(plan, of: incident, use: use, by: caller.name)
        }
        return Response(status: .noContent)
    }

    @Sendable private func reject(_ request: Request, _ context: APIContext) async throws -> Response {
        let caller = try context.caller(with: .approve)
        let (incident, plan) = (try Self.incident(context), try Self.plan(context))
        let body = try await APIBody.decode(ReasonRequest.self, from: request, max: bytesMax)
        let detail = "incident \(incident): \(body.reason)"
        try await services.audit.record("plan.reject", of: plan.description, by: caller, detail: detail) {
            try await operations.reject(plan, of: incident, reason: body.reason, by: caller.name)
        }
        return Response(status: .noContent)
    }

    /// Whoever responds may stop it; to let it go on takes whoever may set it going.
    private func steer(
        _ order: RolloutOrder,
        _ request: Request,
        _ context: APIContext
    ) async throws -> Response {
        let caller = try context.caller(with: order == .resume ? .approve : .respond)
        let (incident, plan) = (try Self.incident(context), try Self.plan(context))
        let body = try await APIBody.decode(ReasonRequest.self, from: request, max: bytesMax)
        try await services.audit.record(
            "plan.\(order.rawValue)",
            of: plan.description,
            by: caller,
            detail: "incident \(incident): \(body.reason)"
        ) {
            try await operations.steer(plan, of: incident, order, reason: body.reason, by: caller.name)
        }
        return Response(status: .noContent)
    }

    @Sendable private func close(_ request: Request, _ context: APIContext) async throws -> Response {
        let caller = try context.caller(with: .respond)
        let incident = try Self.incident(context)
        let body = try await APIBody.decode(CloseRequest.self, from: request, max: bytesMax)
        let detail = body.cause.map { "cause: \($0)" } ?? ""
        try await services.audit.record(
            "incident.close",
            of: incident.description,
            by: caller,
            detail: detail
        ) {
            try await operations.close(incident, by: caller.name, confirmedCause: body.cause)
        }
        return Response(status: .noContent)
    }

    private func detail(_ context: APIContext) async throws -> IncidentDetail {
        let id = try Self.incident(context)
        guard let detail = await operations.incident(id) else {
            throw OperationError(.notFound, "there is no incident \(id)")
        }
        return detail
    }

    private func plan(_ context: APIContext) async throws -> SealedPlan {
        let (incident, id) = (try Self.incident(context), try Self.plan(context))
        guard let plan = await operations.plan(id, of: incident) else {
            throw OperationError(.notFound, "incident \(incident) has no plan \(id.short)")
        }
        return plan
    }

    private static func incident(_ context: APIContext) throws -> IncidentID {
        guard let id = IncidentID(context.parameters.get("id") ?? "") else {
            throw OperationError(.malformed, "an incident's id is a UUID of version 7")
        }
        return id
    }

    private static func plan(_ context: APIContext) throws -> PlanID {
        guard let id = PlanID(context.parameters.get("plan") ?? "") else {
            throw OperationError(.malformed, "a plan's id is 64 hexadecimal digits")
        }
        return id
    }
}
