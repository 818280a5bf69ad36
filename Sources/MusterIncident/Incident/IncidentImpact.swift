import MusterCore

/// What an incident cost, with the rates that the money was reckoned by.
package struct IncidentImpact: Hashable, Sendable, Codable {
    package var window: TimeWindow
    /// Of the endpoint that was hurt most; nil when no requests were seen.
    package var blast: BlastRadius?
    /// Price of one failed request and of one minute; 0 when none is configured.
    package var costPerFailedRequest: Double
    package var costPerMinute: Double
    /// `EUR`; empty when no rate is configured.
    package var currency: String

    package init(
        window: TimeWindow,
        blast: BlastRadius?,
        costPerFailedRequest: Double,
        costPerMinute: Double,
        currency: String
    ) {
        self.window = window
        self.blast = blast
        self.costPerFailedRequest = costPerFailedRequest
        self.costPerMinute = costPerMinute
        self.currency = currency
    }

    /// From onset to end.
    package var minutes: Double { (window.to - window.from).inSeconds / 60 }

    /// Nil when no rate is configured.
    package var cost: Double? {
        guard costPerFailedRequest > 0 || costPerMinute > 0 else { return nil }
        return Double(blast?.failed ?? 0) * costPerFailedRequest + minutes * costPerMinute
    }

    /// One line for people.
    package var text: String {
        var parts: [String] = []
        if let blast {
            let place = blast.endpoint.isEmpty ? blast.service : blast.endpoint
            parts.append("\(blast.failed) of \(blast.requests) requests to \(place) failed")
            if let users = blast.users { parts.append("about \(users.text(decimals: 0)) users met an error") }
        } else {
            parts.append("no requests were seen")
        }
        parts.append("\(minutes.text(decimals: 1)) min")
        if let cost { parts.append("\(cost.text(decimals: 2)) \(currency)") }
        return parts.joined(separator: ", ")
    }
}
