import NIOCore

/// Stands under TLS: turns a connection away before anything is spent on it, and can cut it at once later.
final class GateHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let hub: FleetHub
    private var context: ChannelHandlerContext?
    private var isCounted = false
    /// Set while it counts as a newcomer of that address.
    private var newcomerAt: String?

    init(hub: FleetHub) { self.hub = hub }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelActive(context: ChannelHandlerContext) {
        // Nothing above hears of a connection that is not let in.
        let address = context.remoteAddress?.ipAddress ?? "unknown"
        guard hub.admit(from: address) else { return context.close(promise: nil) }
        isCounted = true
        newcomerAt = address
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        guard isCounted else { return }
        isCounted = false
        welcomed()
        hub.left()
        context.fireChannelInactive()
    }

    /// It is an agent's from now on, or nobody's: another newcomer may come from there.
    func welcomed() {
        guard let address = newcomerAt else { return }
        newcomerAt = nil
        hub.noNewcomer(at: address)
    }

    /// Closes the socket without TLS's goodbye.
    func cut() { context?.close(promise: nil) }
}
