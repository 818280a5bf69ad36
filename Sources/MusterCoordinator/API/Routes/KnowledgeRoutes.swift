import Hummingbird
import MusterCause
import MusterCore
import MusterIncident

/// What was learned from closed incidents, and how right Muster was.
struct KnowledgeRoutes {
    let services: APIServices
    let bytesMax: Int
    let now: @Sendable () -> Timestamp

    private var knowledge: KnowledgeDesk { services.knowledge }

    func add(to group: RouterGroup<APIContext>) {
        group.get("knowledge") { _, context in
            _ = try context.caller(with: .look)
            return try APIBody.response(KnowledgeFile(exported: now(), items: knowledge.all))
        }
        group.post("knowledge") { request, context in
            let caller = try context.caller(with: .administer)
            let body = try await APIBody.decode(
                KnowledgeImport.self,
                from: request,
                max: KnowledgeFile.bytesMax
            )
            let receipt = try await services.audit.record(
                "knowledge.import",
                of: "\(body.file.items.count) pieces",
                by: caller,
                detail: body.replace ? "in the place of those with the same ids" : ""
            ) {
                try await knowledge.take(body, at: now())
            }
            return try APIBody.response(receipt)
        }
        group.get("knowledge/:id") { _, context in
            _ = try context.caller(with: .look)
            return try APIBody.response(try knowledge.item(try Self.id(context)))
        }
        group.post("knowledge/:id") { request, context in
            let caller = try context.caller(with: .respond)
            let id = try Self.id(context)
            let edit = try await APIBody.decode(KnowledgeEdit.self, from: request, max: bytesMax)
            let detail = [
                edit.cause.map { "cause: \($0.rawValue)" }, edit.text.map { "text: \($0)" },
                edit.fix.map { "fix: \($0)" },
            ].compactMap(\.self).joined(separator: "; ")
            let item = try await services.audit.record(
                "knowledge.edit",
                of: id.description,
                by: caller,
                detail: detail
            ) {
                try await knowledge.edit(id, edit, by: caller.name, at: now())
            }
            return try APIBody.response(item)
        }
        group.delete("knowledge/:id") { _, context in
            let caller = try context.caller(with: .respond)
            let id = try Self.id(context)
            try await services.audit.record("knowledge.forget", of: id.description, by: caller) {
                try await knowledge.forget(id)
            }
            return Response(status: .noContent)
        }
        group.get("reports/accuracy") { request, context in
            _ = try context.caller(with: .look)
            return try APIBody.response(await services.operations.accuracy(since: try since(request)))
        }
        group.get("reports/alerts") { request, context in
            _ = try context.caller(with: .look)
            return try APIBody.response(await services.operations.alertRules(since: try since(request)))
        }
    }

    /// The beginning of a report: so many seconds ago, 90 days unless said.
    private func since(_ request: Request) throws -> Timestamp {
        guard let text = request.uri.queryParameters["seconds"] else {
            return now() - .seconds(90 * 86_400)
        }
        guard let seconds = Int(text), 1...315_576_000 ~= seconds else {
            throw OperationError(
                .malformed,
                "seconds says how far back the report goes, from 1 to 315576000 (10 years)"
            )
        }
        return now() - .seconds(seconds)
    }

    private static func id(_ context: APIContext) throws -> KnowledgeID {
        guard let id = KnowledgeID(context.parameters.get("id") ?? "") else {
            throw OperationError(.malformed, "the id of a piece of knowledge is a UUID of version 7")
        }
        return id
    }
}
