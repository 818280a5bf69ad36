import MusterCore
import MusterIdentity
import MusterRecord

/// A change as other systems tell it.
package enum ChangeBody {
    /// Reads a body of either shape, with the key that makes it the same for its sender.
    ///
    /// - Throws: ``OperationError`` with the code `malformed`, naming the place in the body.
    package static func read(
        _ raw: [UInt8],
        format: ChangeFormat,
        from sender: String,
        at now: Timestamp
    ) throws(OperationError) -> (change: Change, key: String) {
        let change: Change
        let isTimed: Bool
        switch format {
        case .pagerduty:
            let body = try IntakeJSON.decode(PagerDutyChangeBody.self, raw)
            (change, isTimed) = (body.change(from: sender, at: now), body.payload.timestamp != nil)
        case .json:
            let body = try IntakeJSON.decode(PlainChangeBody.self, raw)
            (change, isTimed) = (body.change(from: sender, at: now), body.at != nil)
        }
        try check(change)
        // Both shapes have no delivery id: the same bytes are the same change, and without a time in them only
        // for as long as a sender may try again.
        let key = SHA256.hash(raw).description
        return (change, isTimed ? key : "\(key) \(now.nanoseconds / Self.sameWithinNanoseconds)")
    }

    /// Ten minutes.
    private static let sameWithinNanoseconds: Int64 = 600_000_000_000

    /// The change without secrets: its diff, for one, comes from whoever deploys, not from a host that masks.
    package static func masked(_ change: Change) -> Change {
        var change = change
        for text in [\Change.diff, \Change.summary, \Change.before, \Change.after] {
            change[keyPath: text] = SecretMask.mask(change[keyPath: text])
        }
        return change
    }

    /// Refuses what is empty or too large to be shown.
    package static func check(_ change: Change) throws(OperationError) {
        guard !change.summary.isEmpty, change.summary.utf8.count <= 1024 else {
            throw OperationError(.malformed, "summary: must have 1 to 1024 bytes")
        }
        guard change.hosts.count <= 1000 else {
            throw OperationError(.malformed, "hosts: at most 1000")
        }
        guard change.diff.utf8.count <= 64 << 10 else {
            throw OperationError(.malformed, "diff: at most 64 KiB")
        }
        let short = [
            change.service, change.actor, change.before, change.after, change.source, change.reference,
        ]
        guard short.allSatisfy({ $0.utf8.count <= 512 }) else {
            throw OperationError(
                .malformed,
                "service, actor, before, after, source and reference have at most 512 bytes each"
            )
        }
    }
}

/// Muster's own plain JSON: of a ``Change`` only `kind` and `summary` must be there.
private struct PlainChangeBody: Decodable {
    var kind: Change.Kind
    var summary: String
    var at: Timestamp?
    var service: String?
    var hosts: [String]?
    var actor: String?
    var before: String?
    var after: String?
    var diff: String?
    var source: String?
    var reference: String?

    func change(from sender: String, at now: Timestamp) -> Change {
        Change(
            kind: kind,
            at: at ?? now,
            service: service ?? "",
            hosts: hosts ?? [],
            summary: summary,
            actor: actor ?? "",
            before: before ?? "",
            after: after ?? "",
            diff: diff ?? "",
            source: source ?? sender,
            reference: reference ?? ""
        )
    }
}

/// PagerDuty's change events: `routing_key`, `payload` and `links`.
///
/// `custom_details` may be anything; of texts and numbers in it, those with well-known names are understood:
/// kind, service, hosts, actor, before, after, reference.
private struct PagerDutyChangeBody: Decodable {
    struct Payload: Decodable {
        var summary: String
        var timestamp: Timestamp?
        var source: String?
        var details: JSONValue?

        enum CodingKeys: String, CodingKey {
            case summary, timestamp, source
            case details = "custom_details"
        }
    }

    var payload: Payload

    func change(from sender: String, at now: Timestamp) -> Change {
        func detail(_ names: String...) -> String {
            for name in names {
                switch payload.details?[name] {
                case .string(let text)?: return text
                case .integer(let number)?: return "\(number)"
                case .number(let number)?: return "\(number)"
                default: continue
                }
            }
            return ""
        }
        var hosts: [String] = []
        if case .array(let items)? = payload.details?["hosts"] {
            hosts = items.compactMap { if case .string(let name) = $0 { name } else { nil } }
        } else if case let name = detail("hosts", "host"), !name.isEmpty {
            hosts = name.split(separator: ",").map { String($0).trimmingSpaces }
        }
        return Change(
            kind: Change.Kind(rawValue: detail("kind", "type")) ?? Self.kind(in: payload.summary),
            at: payload.timestamp ?? now,
            service: detail("service", "application", "app"),
            hosts: hosts,
            summary: payload.summary,
            actor: detail("actor", "user", "author", "deployed_by"),
            before: detail("before", "previous_version"),
            after: detail("after", "version"),
            source: payload.source ?? sender,
            reference: detail("reference", "build_number", "build", "number", "deploy")
        )
    }

    /// The shape has no field for the kind; the sentence usually names it.
    private static func kind(in summary: String) -> Change.Kind {
        let words = summary.lowercased()
        if words.contains("deploy") || words.contains("release") || words.contains("build") { return .deploy }
        if words.contains("flag") { return .flag }
        if words.contains("config") { return .config }
        if words.contains("restart") { return .restart }
        return .other
    }
}

extension String {
    /// Without spaces at either end.
    var trimmingSpaces: String {
        let head = drop { $0 == " " }
        guard let last = head.lastIndex(where: { $0 != " " }) else { return "" }
        return String(head[...last])
    }
}
