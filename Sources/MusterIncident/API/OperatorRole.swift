import MusterCore

/// What the holder of a token may do.
package enum OperatorRole: String, Hashable, Sendable, Codable, CaseIterable {
    /// Deliver alerts and changes, and nothing else: for webhooks.
    case intake
    /// Look at incidents and at the list of hosts.
    case viewer
    /// Also ask hosts, record changes, deliver alerts, close incidents.
    case responder
    /// Also approve and reject plans.
    case approver
    /// Everything, also tokens, operators and revocation.
    case admin

    /// Something that a call needs.
    package enum Permission: String, Sendable, CaseIterable {
        case deliver
        case look
        case ask
        case respond
        case approve
        case administer
    }

    /// Whether the role includes a permission.
    package func allows(_ permission: Permission) -> Bool {
        switch permission {
        case .deliver: self != .viewer
        case .look: self != .intake
        case .ask, .respond: [.responder, .approver, .admin].contains(self)
        case .approve: [.approver, .admin].contains(self)
        case .administer: self == .admin
        }
    }

    /// The roles that include a permission, for error messages: `approver or admin`.
    package static func allowing(_ permission: Permission) -> String {
        allCases.filter { $0.allows(permission) }.map(\.rawValue).joined(separator: " or ")
    }
}
