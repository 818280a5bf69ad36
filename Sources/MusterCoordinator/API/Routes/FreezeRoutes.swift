import Hummingbird
import MusterCore
import MusterIncident

/// What stops every automatic action, and lets it go on.
struct FreezeRoutes {
    let services: APIServices
    let bytesMax: Int

    func add(to group: RouterGroup<APIContext>) {
        group.get("freezes") { _, context in
            _ = try context.caller(with: .look)
            return try APIBody.response(await services.operations.freezes())
        }
        group.post("freezes") { request, context in
            let caller = try context.caller(with: .approve)
            let body = try await APIBody.decode(FreezeRequest.self, from: request, max: bytesMax)
            let life = body.lifeSeconds.map { "for \($0) s" } ?? "until it is lifted"
            let receipt = try await services.audit.record(
                "freeze.begin",
                of: body.service ?? "all",
                by: caller,
                detail: "\(life): \(body.reason)"
            ) {
                try await services.operations.freeze(body, by: caller.name)
            }
            return try APIBody.response(receipt, status: .created)
        }
        group.post("freezes/lift") { request, context in
            let caller = try context.caller(with: .approve)
            let body = try await APIBody.decode(ThawRequest.self, from: request, max: bytesMax)
            let reach = try await services.audit.record("freeze.lift", of: body.service ?? "all", by: caller)
            {
                try await services.operations.thaw(body, by: caller.name)
            }
            return try APIBody.response(reach)
        }
    }
}
