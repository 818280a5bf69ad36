import MusterCore

/// A freeze to be set.
package struct FreezeRequest: Hashable, Sendable, Codable {
    /// The service; nil with `all`.
    package var service: String?
    /// True for everything; a request has either this or a service.
    package var all: Bool?
    package var reason: String
    /// When it ends by itself; nil when only people end it.
    package var lifeSeconds: Int?

    package init(service: String?, reason: String, lifeSeconds: Int? = nil) {
        self.service = service
        self.all = service == nil ? true : nil
        self.reason = reason
        self.lifeSeconds = lifeSeconds
    }
}

/// A freeze to be lifted.
package struct ThawRequest: Hashable, Sendable, Codable {
    /// The service; nil with `all`.
    package var service: String?
    /// True for the freeze of everything; those of single services stay.
    package var all: Bool?

    package init(service: String?) {
        self.service = service
        self.all = service == nil ? true : nil
    }
}

/// Whom a freeze, or its end, has reached.
package struct FreezeReach: Hashable, Sendable, Codable {
    /// Hosts that it concerns and that were told.
    package var hostsTold: Int
    /// Hosts that it concerns and that will be told when they connect.
    package var hostsAway: Int
    /// Open incidents that it concerns.
    package var incidents: Int

    package init(hostsTold: Int = 0, hostsAway: Int = 0, incidents: Int = 0) {
        self.hostsTold = hostsTold
        self.hostsAway = hostsAway
        self.incidents = incidents
    }
}

/// A freeze that was set, with whom it has reached.
package struct FreezeReceipt: Hashable, Sendable, Codable {
    package var freeze: Freeze
    package var reach: FreezeReach

    package init(freeze: Freeze, reach: FreezeReach) {
        self.freeze = freeze
        self.reach = reach
    }
}
