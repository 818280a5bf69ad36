import FoundationEssentials
import MusterCore
import MusterIncident

/// Sends a JSON body to a URL; throws a sentence for people when the other side did not take it.
package protocol MessageTransport: Sendable {
    func post(_ body: [UInt8], to url: String, timeout: Duration) async throws
}

/// A message to people, as it is posted.
package struct Message: Hashable, Sendable, Codable {
    package var incident: IncidentID
    package var title: String
    package var service: String
    package var status: IncidentSummary.Status
    /// `opened`, `ranked`, `approval`, `step`, `escalated`, `resolved` or `postMortem`.
    package var purpose: String
    /// Where the team talks; empty when not known.
    package var channel: String
    /// Whom to call, in this order.
    package var escalation: [String]
    package var text: String
}

/// Tells people, as well as it can: what could not be sent is said so in the record.
package struct Notifier: Sendable {
    private let webhook: String?
    private let transport: (any MessageTransport)?

    /// How long one try may take, and how many there are.
    static let timeout = Duration.seconds(5)
    static let triesMax = 3

    /// Without a webhook, or without a transport, messages stay in the record.
    package init(webhook: String?, transport: (any MessageTransport)?) {
        self.webhook = webhook
        self.transport = transport
    }

    /// Whether it arrived, and why not.
    struct Delivery: Hashable, Sendable {
        var delivered: Bool
        var channel: String
        var reason: String
    }

    func send(_ message: Message) async -> Delivery {
        guard let webhook, let transport else {
            return Delivery(delivered: true, channel: "", reason: "no webhook is configured")
        }
        let channel = message.channel.isEmpty ? "webhook" : message.channel
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var reason = ""
        do {
            let body = [UInt8](try encoder.encode(message))
            for attempt in 1...Self.triesMax {
                do {
                    try await transport.post(body, to: webhook, timeout: Self.timeout)
                    return Delivery(delivered: true, channel: channel, reason: "")
                } catch {
                    reason = "\(error)"
                    guard attempt < Self.triesMax else { break }
                    try await Task.sleep(for: .milliseconds(250 << attempt))
                }
            }
        } catch {
            reason = "\(error)"
        }
        return Delivery(delivered: false, channel: channel, reason: reason)
    }
}
