import MusterCore

/// The list of hosts, those that are not well first.
struct FleetPage {
    struct Row {
        /// Our own word, since it names a style too: `sick`, `well`, `learning`, `away` or `revoked`.
        let badge: String
        let host: String
        let subtitle: String
        /// What the host noticed of itself, worst first.
        let lines: [String]
        let seen: String
    }

    let rows: [Row]
    let summary: String

    init(_ hosts: [FleetHost], at now: Timestamp) {
        rows = hosts.sorted(by: Self.precedes).map { Self.row($0, at: now) }
        let sick = hosts.count { ($0.health?.open ?? 0) > 0 }
        let connected = hosts.count { $0.state == .connected }
        summary = "\(connected) of \(hosts.count) connected, \(sick) not well"
    }

    /// Sickest first, then by name.
    private static func precedes(_ left: FleetHost, _ right: FleetHost) -> Bool {
        let a = left.health?.severity ?? (score: 0, open: 0)
        let b = right.health?.severity ?? (score: 0, open: 0)
        if a != b { return b < a }
        return left.reference < right.reference
    }

    private static func row(_ host: FleetHost, at now: Timestamp) -> Row {
        let services = host.services.map { $0.version.isEmpty ? $0.name : "\($0.name) \($0.version)" }
        let labels = host.labels.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        return Row(
            badge: badge(host),
            host: host.name,
            subtitle: (services + labels).joined(separator: " · "),
            lines: lines(host.health),
            seen: host.lastSeen.map { "\(max(.zero, now - $0).spoken) ago" } ?? "never"
        )
    }

    private static func badge(_ host: FleetHost) -> String {
        switch host.state {
        case .revoked: "revoked"
        case .quarantined: "quarantined"
        case .disconnected: "away"
        case .connected:
            switch host.health {
            case nil: "connected"
            case let digest? where digest.open > 0: "sick"
            case let digest?: digest.watched == digest.learning ? "learning" : "well"
            }
        }
    }

    private static func lines(_ digest: HealthDigest?) -> [String] {
        guard let digest, digest.open > 0 else { return [] }
        let lines = digest.worst.map { line in
            "\(line.text): \(line.value.text(decimals: 2)), usual \(line.usual.text(decimals: 2))"
        }
        let rest = digest.open - lines.count
        return rest > 0 ? lines + ["and \(rest) more series"] : lines
    }
}
