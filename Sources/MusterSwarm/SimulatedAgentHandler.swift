import MusterWire
import NIOCore
import NIOSSL
import NIOTLS

/// One connection of a simulated agent: cuts frames and passes everything on.
final class SimulatedAgentHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let agent: SimulatedAgent
    private let attempt: Int
    private var decoder = FrameDecoder()

    init(agent: SimulatedAgent, attempt: Int) {
        self.agent = agent
        self.attempt = attempt
    }

    func channelActive(context: ChannelHandlerContext) {
        agent.opened(context.channel, attempt: attempt)
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        agent.ended(attempt: attempt)
        context.fireChannelInactive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted? = event as? TLSUserEvent { agent.secured(attempt: attempt) }
        context.fireUserInboundEventTriggered(event)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        decoder.append(unwrapInboundIn(data).readableBytesView)
        do {
            while let envelope = try decoder.next() { agent.received(envelope, attempt: attempt) }
        } catch {
            context.close(promise: nil)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
