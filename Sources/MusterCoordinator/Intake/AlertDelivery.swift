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

    /// Most alerts that one delivery may carry.
    package static let alertsMax = 1000

    /// Reads a body of either shape.
    ///
    /// - Throws: ``OperationError`` with the code `malformed`, naming the place in the body.
    package static func read(
        _ raw: [UInt8],
        format: AlertFormat,
        at now: Timestamp
    ) throws(OperationError) -> AlertDelivery {
        let delivery: AlertDelivery
        switch format {
        case .alertmanager: delivery = try IntakeJSON.decode(AlertmanagerBody.self, raw).delivery()
        case .json: delivery = try PlainAlertBody.read(raw, at: now)
        }
        guard delivery.alerts.count <= alertsMax else {
            throw OperationError(
                .malformed,
                "alerts: \(delivery.alerts.count) in one delivery; at most \(alertsMax) are taken"
            )
        }
        return delivery
    }
}
