import NIOCore

/// Stands on the listening socket: takes no connection in while as many handshakes run as may.
///
/// Whoever waits, waits in the kernel's queue, so that nobody is turned away when all agents come back at once, and
/// each handshake that is begun is done soon.
final class AcceptGate: ChannelOutboundHandler {
    typealias OutboundIn = any Channel

    private let hub: FleetHub

    init(hub: FleetHub) { self.hub = hub }

    func read(context: ChannelHandlerContext) {
        let (loop, bound) = (context.eventLoop, NIOLoopBound(context, eventLoop: context.eventLoop))
        let waits = hub.waitForRoom { loop.execute { bound.value.read() } }
        if !waits { context.read() }
    }
}
