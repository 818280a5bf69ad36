import NIOCore

/// Stands under TLS: turns a connection away before anything is spent on it, and can cut it at once later.
final class GateHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let hub: FleetHub
    private var context: ChannelHandlerContext?
    private var isCounted = false

    init(hub: FleetHub) { self.hub = hub }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelActive(context: ChannelHandlerContext) {
        // Nothing above hears of a connection that is not let in.
        guard hub.admit() else { return context.close(promise: nil) }
        isCounted = true
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        guard isCounted else { return }
        isCounted = false
        hub.left()
        context.fireChannelInactive()
    }

    /// Closes the socket without TLS's goodbye.
    func cut() { context?.close(promise: nil) }
}
