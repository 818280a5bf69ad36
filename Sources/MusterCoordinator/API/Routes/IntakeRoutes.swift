import FoundationEssentials
import Hummingbird
import MusterCore
import MusterIdentity
import MusterIncident

/// Where alerts and changes come in.
struct IntakeRoutes {
    let operations: any Operations
    let gate: Gate
    let bytesMax: Int

    func add(to group: RouterGroup<APIContext>) {
        group.post("alerts/alertmanager") { try await alerts($0, $1, .alertmanager) }
        group.post("alerts") { try await alerts($0, $1, .json) }
        group.post("changes/pagerduty") { try await changes($0, $1, .pagerduty) }
        group.post("changes") { try await changes($0, $1, .json) }
    }

    /// The path that senders of PagerDuty's change events use; their `routing_key` is the token.
    func addPagerDutyAlias(to router: Router<APIContext>) {
        router.post("v2/change/enqueue") { request, context in
            let raw = try await APIBody.bytes(of: request, max: bytesMax)
            let key = try APIBody.decode(RoutingKey.self, from: raw)
            let caller = try await gate.admit(token: key.routingKey, from: context)
            var context = context
            context.caller = caller
            let sender = try context.caller(with: .deliver)
            // The body is kept, the key in it must not be.
            _ = try await operations.receiveChange(
                raw: Self.redact(key.routingKey, in: raw),
                format: .pagerduty,
                from: sender.name
            )
            return try APIBody.response(
                ["status": "success", "message": "Change event processed"],
                status: .accepted
            )
        }
    }

    private func alerts(
        _ request: Request,
        _ context: APIContext,
        _ format: AlertFormat
    ) async throws -> Response {
        let caller = try context.caller(with: .deliver)
        let raw = try await APIBody.bytes(of: request, max: bytesMax)
        let receipt = try await operations.receiveAlerts(raw: raw, format: format, from: caller.name)
        return try APIBody.response(receipt, status: .accepted)
    }

    private func changes(
        _ request: Request,
        _ context: APIContext,
        _ format: ChangeFormat
    ) async throws -> Response {
        let caller = try context.caller(with: .deliver)
        let raw = try await APIBody.bytes(of: request, max: bytesMax)
        let id = try await operations.receiveChange(raw: raw, format: format, from: caller.name)
        return try APIBody.response(ChangeReceipt(id: id), status: .accepted)
    }

    /// The body with every occurrence of the key made unreadable.
    static func redact(_ key: String, in raw: [UInt8]) -> [UInt8] {
        let needle = Array(key.utf8)
        guard !needle.isEmpty, raw.count >= needle.count else { return raw }
        var result = raw
        var index = 0
        while index + needle.count <= result.count {
            if result[index..<index + needle.count].elementsEqual(needle) {
                for place in index..<index + needle.count { result[place] = UInt8(ascii: "*") }
                index += needle.count
            } else {
                index += 1
            }
        }
        return result
    }

    /// The one key of the body that is read here.
    private struct RoutingKey: Decodable {
        let routingKey: String

        private enum CodingKeys: String, CodingKey {
            case routingKey = "routing_key"
        }
    }
}
