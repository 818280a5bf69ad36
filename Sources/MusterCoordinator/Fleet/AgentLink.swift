import MusterCore
import MusterWire
import NIOCore

/// What a connection is given to send.
enum LinkMessage: Sendable {
    case one(WireEnvelope.OneOf_Body)
    /// The same for many agents.
    case shared(EncodedBody)
}

/// Something done to a connection from outside its event loop.
enum LinkCommand: Sendable {
    /// Send the last message if there is one, then close.
    case end(LinkEnd, last: WireEnvelope.OneOf_Body?)
    /// Find out whether the agent still reads: another one has come with its identity.
    case challenge(Contest)
}

/// Why a connection ended, for counters, logs and events.
struct LinkEnd: Error, Sendable, CustomStringConvertible {
    enum Kind: Sendable {
        /// TLS never came to be, or not with our protocol.
        case handshake
        /// Who it was is not accepted.
        case identity
        /// Bytes that are no frames, frames out of order, messages at the wrong time.
        case broken
        /// A deadline passed without a message.
        case silent
        /// It did not read what was sent.
        case stalled
        /// A newer connection of the same identity.
        case replaced
        /// The events queue was full when a report came; the agent will tell it again.
        case pushedBack
        /// It did what it came for: a join.
        case done
        /// The coordinator stops.
        case stopping
        /// The other side closed.
        case peer
    }

    let kind: Kind
    let reason: String

    init(_ kind: Kind, _ reason: String) {
        self.kind = kind
        self.reason = reason
    }

    var description: String { reason }
}

/// The connection of a live agent, usable from any thread.
final class AgentLink: Sendable {
    let host: HostReference
    /// Where it comes from, without the port.
    let address: String
    /// The key of the authority that issued the certificate it came with.
    let authority: Digest
    /// Whether it may be told of freezes; an older agent refuses such a message.
    let takesFreezes: Bool
    private let channel: any Channel

    init(
        host: HostReference,
        address: String,
        authority: Digest,
        takesFreezes: Bool,
        channel: any Channel
    ) {
        self.host = host
        self.address = address
        self.authority = authority
        self.takesFreezes = takesFreezes
        self.channel = channel
    }

    /// For grouping work by thread.
    var eventLoop: any EventLoop { channel.eventLoop }

    /// False when too much already waits for the agent, or the connection is closed.
    var takesMessages: Bool { channel.isActive && channel.isWritable }

    /// Has the agent challenged on behalf of a newcomer with the same identity.
    func challenge(_ contest: Contest) {
        channel.triggerUserOutboundEvent(LinkCommand.challenge(contest), promise: nil)
    }

    /// Sends without waiting; lost when the connection ends.
    func post(_ body: WireEnvelope.OneOf_Body) {
        channel.writeAndFlush(LinkMessage.one(body), promise: nil)
    }

    /// Sends without waiting what others get too; lost when the connection ends.
    func post(_ body: EncodedBody) {
        channel.writeAndFlush(LinkMessage.shared(body), promise: nil)
    }

    /// Sends and waits until the network has it.
    ///
    /// A frame that was not written whole can't be read by anyone, so a failed write is `unreachable`; one that
    /// is still being written at the deadline is `undetermined`.
    func deliver(_ body: WireEnvelope.OneOf_Body, within limit: Duration) async throws(FleetError) {
        let written = channel.eventLoop.makePromise(of: Void.self)
        let result = channel.eventLoop.makePromise(of: Void.self)
        written.futureResult.cascade(to: result)
        let late = FleetError(
            .undetermined,
            "\(host.name) did not take the message within \(limit.inSeconds.text()) s; ask its ledger what it knows"
        )
        let timer = channel.eventLoop.scheduleTask(in: .nanoseconds(limit.nanoseconds)) { result.fail(late) }
        channel.writeAndFlush(LinkMessage.one(body), promise: written)
        defer { timer.cancel() }
        do {
            try await result.futureResult.get()
        } catch let error as FleetError {
            throw error
        } catch let error as FrameError {
            throw FleetError(.invalid, "the message for \(host.name) can't be sent", cause: error)
        } catch {
            throw FleetError(.unreachable, "\(host.name) went away before the message was sent", cause: error)
        }
    }

    /// Closes the connection, with a last word if there is one.
    func end(_ end: LinkEnd, last: WireEnvelope.OneOf_Body? = nil) {
        channel.triggerUserOutboundEvent(LinkCommand.end(end, last: last), promise: nil)
    }
}
