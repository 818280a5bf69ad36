import MusterCore
import MusterWire
import NIOCore
import NIOSSL
import NIOTLS

/// One agent's connection above TLS: cuts frames, numbers them, holds deadlines, and passes messages on.
///
/// Everything runs on the connection's event loop. Decisions are the ``LinkEngine``'s; what messages mean to the
/// fleet is the ``FleetHub``'s.
final class AgentChannelHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = LinkMessage
    typealias OutboundOut = ByteBuffer

    private let hub: FleetHub
    private let gate: GateHandler
    private let peerCertificate: (ChannelHandlerContext) -> [UInt8]?
    private var engine: LinkEngine
    private var decoder = FrameDecoder()
    private var counter = EnvelopeCounter()
    private var opened = NIODeadline.now()
    private var address = "unknown"
    /// What was found of the certificate that TLS has just shown.
    private var shown: ShownCertificate?
    /// The certificate of the agent at the other end; nil without one, and before the handshake is complete.
    private var certificate: PeerCertificate?
    private var link: AgentLink?
    /// Newcomers with this agent's identity that wait to hear whether it is still here.
    private var contests: [Contest] = []
    private var ended: LinkEnd?
    private var watch: Scheduled<Void>?
    private var stall: Scheduled<Void>?

    /// `gate` is the handler under TLS of the same connection, `peerCertificate` finds what TLS was shown.
    init(
        hub: FleetHub,
        gate: GateHandler,
        peerCertificate: @escaping (ChannelHandlerContext) -> [UInt8]? = AgentChannelHandler.shownToTLS
    ) {
        self.hub = hub
        self.gate = gate
        self.peerCertificate = peerCertificate
        self.engine = LinkEngine(limits: hub.configuration.linkLimits)
    }

    private var elapsed: Duration { .nanoseconds((NIODeadline.now() - opened).nanoseconds) }

    func channelActive(context: ChannelHandlerContext) {
        opened = .now()
        address = context.remoteAddress?.ipAddress ?? "unknown"
        hub.counters.update { $0.connections += 1 }
        scheduleWatch(context)
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        watch?.cancel()
        stall?.cancel()
        conclude(LinkEnd(.peer, decoder.bytesPending > 0 ? "closed within a message" : "closed by the host"))
        context.fireChannelInactive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted(let negotiated)? = event as? TLSUserEvent {
            secured(context, negotiated: negotiated)
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard engine.peer == nil, ended == nil else {
            return end(context, LinkEnd(.peer, "connection failed: \(error)"))
        }
        if case .failure(let fault)? = shown?.verdict {
            return end(context, LinkEnd(.identity, fault.message))
        }
        end(context, LinkEnd(.handshake, PeerCertificate.handshakeFailure(error)))
    }

    /// TLS asks whether it shall take the certificate that the other side shows.
    func verify(_ chain: [NIOSSLCertificate], _ verdict: EventLoopPromise<NIOSSLVerificationResult>) {
        guard let der = chain.first.flatMap({ try? $0.toDERBytes() }) else { return verdict.succeed(.failed) }
        switch judge(der) {
        case .success: verdict.succeed(.certificateVerified)
        case .failure: verdict.succeed(.failed)
        }
    }

    private func judge(_ der: [UInt8]) -> Result<PeerCertificate, FleetError> {
        if let shown, shown.der == der { return shown.verdict }
        let verdict = Result { () throws(FleetError) in try hub.judge(der) }
        shown = ShownCertificate(der: der, verdict: verdict)
        return verdict
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard ended == nil else { return }
        decoder.append(unwrapInboundIn(data).readableBytesView)
        do throws(FrameError) {
            while ended == nil {
                let before = decoder.bytesPending
                guard let envelope = try decoder.next() else { return }
                received(context, envelope, bytes: before - decoder.bytesPending)
            }
        } catch {
            end(context, LinkEnd(.broken, error.message))
        }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if let ended {
            promise?.fail(ended)
            return
        }
        do throws(FrameError) {
            let frame = try frame(unwrapOutboundIn(data))
            context.write(wrapOutboundOut(context.channel.allocator.buffer(bytes: frame)), promise: promise)
        } catch {
            promise?.fail(error)
        }
    }

    /// The bytes of a message, which is the connection's next; one that can't be sent uses up no number.
    private func frame(_ message: LinkMessage) throws(FrameError) -> [UInt8] {
        switch message {
        case .shared(let body): return body.frame(&counter)
        case .one(let body):
            var envelope = WireEnvelope(body)
            var stamped = counter
            stamped.stamp(&envelope)
            let frame = try Frame.encode(envelope)
            counter = stamped
            return frame
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        stall?.cancel()
        stall = nil
        if !context.channel.isWritable {
            let limit = hub.configuration.stallMax
            stall = context.eventLoop.assumeIsolated().scheduleTask(in: .nanoseconds(limit.nanoseconds)) {
                self.conclude(LinkEnd(.stalled, "did not read for \(limit.inSeconds.text()) s"))
                // Nothing more fits, not even TLS's goodbye.
                self.gate.cut()
            }
        }
        context.fireChannelWritabilityChanged()
    }

    func triggerUserOutboundEvent(
        context: ChannelHandlerContext,
        event: Any,
        promise: EventLoopPromise<Void>?
    ) {
        switch event as? LinkCommand {
        case .end(let end, let last): self.end(context, end, last: last)
        case .challenge(let contest): challenge(context, contest)
        case nil: return context.triggerUserOutboundEvent(event, promise: promise)
        }
        promise?.succeed()
    }
}

// MARK: - Steps of a connection

extension AgentChannelHandler {
    private func secured(_ context: ChannelHandlerContext, negotiated: String?) {
        guard negotiated == FleetGateway.protocolName else {
            let reason =
                "the other side speaks \(negotiated ?? "no protocol"), expected \(FleetGateway.protocolName)"
            return end(context, LinkEnd(.handshake, reason))
        }
        guard let der = peerCertificate(context) else { return engine.secured(as: .anonymous) }
        do throws(FleetError) {
            // A resumed session shows its certificate without asking.
            let certificate = try judge(der).get()
            shown = nil
            self.certificate = certificate
            engine.secured(
                as: certificate.isExpired ? .expired(certificate.agent) : .agent(certificate.agent)
            )
        } catch {
            let refused = WireRefused(sequence: 0, reason: error.message)
            end(context, LinkEnd(.identity, error.description), last: .refused(refused))
        }
    }

    private func received(_ context: ChannelHandlerContext, _ envelope: WireEnvelope, bytes: Int) {
        do throws(WireError) {
            try counter.accept(envelope)
        } catch {
            return end(context, LinkEnd(.broken, error.message))
        }
        switch engine.received(LinkEngine.Message(envelope), at: elapsed) {
        case .accept:
            guard let body = envelope.body else { return }
            do throws(WireError) {
                try carryOut(context, body, bytes: bytes)
            } catch {
                refuse(context, envelope, engine.refuse(error.message))
            }
        case let verdict: refuse(context, envelope, verdict)
        }
    }

    private func refuse(
        _ context: ChannelHandlerContext,
        _ envelope: WireEnvelope,
        _ verdict: LinkEngine.Verdict
    ) {
        switch verdict {
        case .accept: break
        case .refuse(let reason):
            hub.refused(reason, from: link, address: address)
            send(context, .refused(WireRefused(sequence: envelope.sequence, reason: reason)))
        case .close(let reason):
            var last = WireRefused(sequence: envelope.sequence, reason: reason)
            last.renewalHelps = certificate?.isExpired == true
            let kind: LinkEnd.Kind =
                switch engine.peer {
                case .anonymous, .expired: .identity
                case .agent, nil: .broken
                }
            end(context, LinkEnd(kind, reason), last: .refused(last))
        }
    }

    /// Carries out a message that may come now.
    private func carryOut(
        _ context: ChannelHandlerContext,
        _ body: WireEnvelope.OneOf_Body,
        bytes: Int
    ) throws(WireError) {
        switch (body, link) {
        case (.joinRequest(let request), _):
            try request.checkLimits()
            hub.join(request, address: address, channel: context.channel)
        case (.hello(let hello), _):
            try greet(context, hello)
        case (.heartbeat(let heartbeat), let link?):
            try hub.heard(heartbeat, from: link)
        case (.answer(let chunk), let link?):
            if try !hub.fanOut.arrived(chunk, bytes: bytes, from: link.host.id) { hub.lied(link) }
        case (.outcome(let outcome), let link?):
            if try !hub.fanOut.ended(outcome, at: link.host.id) { hub.lied(link) }
        case (.challengeReply(let reply), _?):
            try reply.checkLimits()
            let nonce = [UInt8](reply.nonce)
            contests.first { $0.nonce == nonce }?.settle(.cloned)
        case (.actionReport(let report), let link?):
            guard try hub.reported(report, by: link) else {
                // Without an acknowledgement, so that the agent tells it again after coming back.
                return end(
                    context,
                    LinkEnd(.pushedBack, "the coordinator is too slow to take reports; come back")
                )
            }
            acknowledge(context)
        case (.renewRequest(let request), let link?):
            try request.checkLimits()
            hub.renew(request, for: link.host.id, address: address) { link.post($0) }
        case (.renewRequest(let request), nil):
            try renew(context, request)
        case (.refused(let refused), let link?):
            // An agent from before challenges refuses one, and so shows that it is here.
            for contest in contests { contest.settle(.cloned) }
            hub.refused(refused, by: link)
        default: break
        }
    }

    /// A new certificate for a host that comes for nothing else.
    private func renew(_ context: ChannelHandlerContext, _ request: WireRenewRequest) throws(WireError) {
        guard let agent = certificate?.agent else { return }
        try request.checkLimits()
        if let reason = hub.renewalRefusal(for: agent) {
            let last = WireRefused(sequence: counter.received, reason: reason)
            return end(context, LinkEnd(.identity, "renewal refused: \(reason)"), last: .refused(last))
        }
        let channel = context.channel
        hub.renew(request, for: agent, address: address) { reply in
            channel.triggerUserOutboundEvent(
                LinkCommand.end(LinkEnd(.done, "renewal answered"), last: reply),
                promise: nil
            )
        }
    }

    private func greet(_ context: ChannelHandlerContext, _ hello: WireHello) throws(WireError) {
        guard let certificate else { return }
        do throws(WireError) {
            try hello.checkLimits()
        } catch {
            let last = WireRefused(sequence: counter.received, reason: error.message)
            return end(context, LinkEnd(.broken, "Hello refused: \(error.message)"), last: .refused(last))
        }
        switch hub.registry.hello(hello, from: certificate, address: address, at: hub.configuration.now()) {
        case .welcome(let host, let putBack):
            if let putBack { hub.tell(.ledgerPutBack(host, reason: putBack)) }
            let link = AgentLink(
                host: host,
                address: address,
                authority: certificate.authority,
                takesFreezes: hello.capabilities.contains(WireFreezes.capability),
                channel: context.channel
            )
            guard let contest = hub.contest(for: link) else { return admit(context, link) }
            let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
            contest.result.assumeIsolated().whenSuccess { result in
                guard self.ended == nil else { return }
                switch result {
                case .halfOpen: self.admit(bound.value, link)
                case .cloned: self.hub.cloned(link)
                }
            }
        case .refused(let reason):
            let last = WireRefused(sequence: counter.received, reason: reason)
            end(context, LinkEnd(.identity, reason), last: .refused(last))
        case .quarantined(let reason):
            let last = WireRefused(sequence: counter.received, reason: "in quarantine: \(reason)")
            end(context, LinkEnd(.identity, "in quarantine: \(reason)"), last: .refused(last))
        case .revoked(let reason):
            var last = WireRevoked()
            last.reason = reason
            end(context, LinkEnd(.identity, reason), last: .revoked(last))
        }
    }

    /// The agent is who it says and nobody else is: from here on it works.
    private func admit(_ context: ChannelHandlerContext, _ link: AgentLink) {
        self.link = link
        gate.welcomed()
        // Other deadlines hold now.
        watch?.cancel()
        scheduleWatch(context)
        send(context, .welcome(hub.welcome(for: link.host.id)))
        hub.began(link)
    }

    private func challenge(_ context: ChannelHandlerContext, _ contest: Contest) {
        guard ended == nil else { return contest.settle(.halfOpen) }
        contests.append(contest)
        var challenge = WireChallenge()
        challenge.nonceBytes = contest.nonce
        send(context, .challenge(challenge))
    }

    /// Tells the agent what was received, in an envelope that holds nothing else.
    private func acknowledge(_ context: ChannelHandlerContext) {
        var envelope = WireEnvelope()
        counter.stamp(&envelope)
        guard let frame = try? Frame.encode(envelope) else { return }
        context.writeAndFlush(wrapOutboundOut(context.channel.allocator.buffer(bytes: frame)), promise: nil)
    }

    private func send(_ context: ChannelHandlerContext, _ body: WireEnvelope.OneOf_Body) {
        write(context: context, data: NIOAny(LinkMessage.one(body)), promise: nil)
        context.flush()
    }

    /// Ends the connection once: the first reason counts.
    private func end(_ context: ChannelHandlerContext, _ end: LinkEnd, last: WireEnvelope.OneOf_Body? = nil) {
        guard ended == nil else { return }
        if let last, context.channel.isActive { send(context, last) }
        conclude(end)
        context.close(promise: nil)
    }

    /// Tells the fleet at once: TLS's goodbye to a host that is gone takes seconds.
    private func conclude(_ end: LinkEnd) {
        guard ended == nil else { return }
        ended = end
        engine.closed()
        for contest in contests { contest.settle(.halfOpen) }
        contests = []
        hub.ended(link: link, end, address: address)
        link = nil
    }

    private func scheduleWatch(_ context: ChannelHandlerContext) {
        let delay = engine.nextCheck(at: elapsed)
        watch = context.eventLoop.assumeIsolated().scheduleTask(in: .nanoseconds(delay.nanoseconds)) {
            guard self.ended == nil else { return }
            if let reason = self.engine.overdue(at: self.elapsed) {
                return self.end(context, LinkEnd(.silent, reason))
            }
            self.scheduleWatch(context)
        }
    }

    static func shownToTLS(_ context: ChannelHandlerContext) -> [UInt8]? {
        let certificate = try? context.pipeline.syncOperations.nioSSL_peerCertificate()
        return certificate.flatMap { try? $0.toDERBytes() }
    }
}
