import MusterCore

/// The alerts of one delivery, in one shape whatever the sender.
package struct AlertDelivery: Hashable, Sendable {
    package var alerts: [Alert]
    /// Key of the group that the delivery speaks of; empty when the sender has none.
    package var groupKey: String
    /// Alerts of that group which the sender left out.
    package var truncated: Int

    package init(alerts: [Alert], groupKey: String = "", truncated: Int = 0) {
        self.alerts = alerts
        self.groupKey = groupKey
        self.truncated = truncated
    }

    /// Alerts of one delivery that are taken in.
    ///
    /// More are told as left out: refusing them would lose all, since senders do not try again after a refusal.
    package static let alertsMax = 1000

    /// Reads a body of either shape.
    ///
    /// - Throws: ``OperationError`` with the code `malformed`, naming the place in the body.
    package static func read(
        _ raw: [UInt8],
        format: AlertFormat,
        at now: Timestamp
    ) throws(OperationError) -> AlertDelivery {
        var delivery: AlertDelivery
        switch format {
        case .alertmanager: delivery = try IntakeJSON.decode(AlertmanagerBody.self, raw).delivery()
        case .json: delivery = try PlainAlertBody.read(raw, at: now)
        }
        let excess = delivery.alerts.count - alertsMax
        if excess > 0 {
            delivery.alerts.removeLast(excess)
            delivery.truncated = delivery.truncated.saturatingAdd(excess)
        }
        return delivery
    }
}
