import Hummingbird
import MusterCore
import MusterIncident
import MusterRecord
import NIOCore

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
        group.get("incidents/:id/record", use: record)
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
        group.get("incidents/:id/plans/:plan/dry-run") { _, context in
            _ = try context.caller(with: .look)
            return try APIBody.response(await operations.dryRun(try await plan(context)))
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
        group.get("runbooks/records") { _, context in
            _ = try context.caller(with: .look)
            return try APIBody.response(await operations.runbookRecords())
        }
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

    /// JSON Lines, read from the disk a stretch at a time as the caller takes them.
    @Sendable private func record(_ request: Request, _ context: APIContext) async throws -> Response {
        _ = try context.caller(with: .look)
        var header = try await operations.recordHeader(of: try Self.incident(context))
        let answers = try await operations.evidence(of: header)
        header.answers = answers.count
        let (operations, first) = (operations, header)
        let stream = ResponseBody { writer in
            try await writer.write(ByteBuffer(string: first.line))
            var sequence = 0
            // A gap in the record ends it early, and whoever reads it sees that.
            while sequence < first.events {
                let events = try await operations.recorded(
                    of: first.incident,
                    after: sequence,
                    upTo: first.events
                )
                guard let last = events.last else { break }
                for event in events { try await writer.write(ByteBuffer(string: event.line)) }
                sequence = last.sequence
            }
            for digest in answers {
                guard let answer = try await operations.answer(digest) else { continue }
                try await writer.write(ByteBuffer(string: answer.line))
            }
            try await writer.finish(nil)
        }
        return Response(
            status: .ok,
            headers: [
                .contentType: "application/x-ndjson", .cacheControl: "no-store",
                .xContentTypeOptions: "nosniff",
            ],
            body: stream
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
        try await services.close(incident, body, by: caller)
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
