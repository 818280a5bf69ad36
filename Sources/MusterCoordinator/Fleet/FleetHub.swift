import Logging
import MusterCore
import MusterIdentity
import MusterWire
import NIOCore
import Synchronization

/// What all connections share: who is known, who is there, what was asked, what is counted.
///
/// Its methods are called on event loops and never block.
final class FleetHub: Sendable {
    /// How many connections there are, and who may come in.
    private struct Door {
        var connections = 0
        /// Those of agents that were welcomed.
        var live = 0
        /// Connections of each address that were not welcomed yet.
        var newcomers: [String: Int] = [:]
        /// Takes further connections in; nil when none has to wait.
        var resume: (@Sendable () -> Void)?
    }

    let configuration: FleetConfiguration
    let registry: FleetRegistry
    let links = LinkTable()
    let fanOut: FanOut
    let counters = FleetCounters()
    let events: AsyncStream<FleetEvent>
    let requests: AsyncStream<CertificateDesk.Request>
    /// What must not wait for the next regular save.
    let saves: AsyncStream<Void>

    let trust: FleetTrust
    private let door = Mutex(Door())
    private let eventsIn: AsyncStream<FleetEvent>.Continuation
    private let savesIn: AsyncStream<Void>.Continuation
    private let requestsIn: AsyncStream<CertificateDesk.Request>.Continuation
    /// Those that a host has to keep to.
    private let freezes: @Sendable (FleetHost) -> [Freeze]
    /// Held while freezes are looked up and sent, so that an older list never follows a newer one.
    private let telling = Mutex(())
    private let logger: Logger

    init(
        configuration: FleetConfiguration,
        trust: FleetTrust,
        group: any EventLoopGroup,
        freezes: @escaping @Sendable (FleetHost) -> [Freeze] = { _ in [] },
        logger: Logger
    ) {
        self.configuration = configuration
        self.trust = trust
        self.freezes = freezes
        self.logger = logger
        registry = FleetRegistry()
        fanOut = FanOut(
            links: links,
            registry: registry,
            counters: counters,
            group: group,
            configuration: configuration
        )
        (events, eventsIn) = AsyncStream.makeStream(
            bufferingPolicy: .bufferingOldest(configuration.eventsMax)
        )
        (saves, savesIn) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        (requests, requestsIn) = AsyncStream.makeStream(
            bufferingPolicy: .bufferingOldest(configuration.certificateRequestsMax)
        )
    }

    /// Ends the queue of requests for certificates, so that whoever serves it stops.
    func stopRequests() { requestsIn.finish() }

    // MARK: Coming and going

    /// Counts one more connection; false when there are too many, or too many strangers from one address: they would
    /// keep everybody else out.
    func admit(from address: String) -> Bool {
        let isIn = door.withLock { door in
            guard door.connections < configuration.connectionsMax,
                door.newcomers[address, default: 0] < configuration.newcomersPerAddressMax
            else { return false }
            door.connections += 1
            door.newcomers[address, default: 0] += 1
            return true
        }
        if !isIn { counters.update { $0.admissionsRefused += 1 } }
        return isIn
    }

    /// Whether the next connections have to wait; then `resume` is called, once, when there is room.
    func waitForRoom(_ resume: @escaping @Sendable () -> Void) -> Bool {
        door.withLock { door in
            guard door.connections - door.live >= configuration.newcomersMax else { return false }
            door.resume = resume
            return true
        }
    }

    /// Connections from an address that were not welcomed yet.
    func newcomers(at address: String) -> Int { door.withLock { $0.newcomers[address, default: 0] } }

    /// One newcomer of an address is an agent now, or gone.
    func noNewcomer(at address: String) {
        door.withLock { door in
            let count = door.newcomers[address, default: 1] - 1
            door.newcomers[address] = count > 0 ? count : nil
        }
    }

    /// A connection that was let in is gone.
    func left() { changeDoor { $0.connections -= 1 } }

    private func changeDoor(_ change: (inout Door) -> Void) {
        let resume = door.withLock { door in
            change(&door)
            guard door.connections - door.live < configuration.newcomersMax else {
                return (@Sendable () -> Void)?.none
            }
            defer { door.resume = nil }
            return door.resume
        }
        resume?()
    }

    /// What a connection's certificate shows.
    func judge(_ certificate: [UInt8]) throws(FleetError) -> PeerCertificate {
        try PeerCertificate(
            der: certificate,
            authorities: trust.identity.authorities,
            graceMax: configuration.renewalGrace,
            at: configuration.now()
        )
    }

    /// The answer to an accepted Hello.
    func welcome(for agent: AgentID) -> WireWelcome {
        var welcome = WireWelcome()
        welcome.version = configuration.version
        welcome.agentID = agent.description
        welcome.heartbeatIntervalMs = UInt32(clamping: Int64(configuration.heartbeatInterval.inMilliseconds))
        welcome.sentAtNs = configuration.now().nanoseconds
        if let ledger = registry.host(agent)?.ledger { welcome.ledger = WireLedgerHead(ledger) }
        return welcome
    }

    /// An agent was welcomed; an older connection of it makes room.
    func began(_ link: AgentLink) {
        changeDoor { $0.live += 1 }
        if let older = links.insert(link) {
            let reason = "replaced by a newer connection from \(link.address)"
            older.end(LinkEnd(.replaced, reason))
            fanOut.lost(link.host.id, reason: reason)
            tell(.disconnected(link.host, reason: reason))
        }
        telling.withLock { _ in _ = tellFreezes(link) }
        // Only now: the end of the older connection may have been on its way meanwhile.
        registry.arrived(link.host.id)
        logger.info("agent connected", metadata: metadata(link))
        tell(.connected(link.host))
        // Whoever lost our trust between its Hello and here was not in the table when its connection was looked for.
        switch registry.host(link.host.id) {
        case let host? where host.state == .revoked: cut(link, reason: "revoked")
        case let host?: if let reason = host.quarantine { turnAway(link, reason: reason) }
        case nil: break
        }
        // Also one that was judged just before the authorities changed.
        checkAuthority(of: link, in: links.count)
    }

    // MARK: Freezes

    /// Tells every agent the freezes that it has to keep to; returns those that were told.
    func tellFreezes() -> Set<AgentID> {
        telling.withLock { _ in Set(links.all.filter { tellFreezes($0) }.map(\.host.id)) }
    }

    /// False for an agent that takes no such message.
    private func tellFreezes(_ link: AgentLink) -> Bool {
        guard link.takesFreezes, let host = registry.host(link.host.id) else { return false }
        link.post(.freezes(WireFreezes(freezes(host))))
        return true
    }

    // MARK: Authorities

    /// Uses other keys and certificates from now on; whoever they don't cover has to go.
    func use(_ identity: CoordinatorIdentity) throws(FleetError) {
        try trust.replace(identity)
        let all = links.all
        for link in all { checkAuthority(of: link, in: all.count) }
    }

    /// Has an agent renew whose certificate is of an authority that is being replaced, many one after the other, and cuts
    /// off one whose authority has been.
    private func checkAuthority(of link: AgentLink, in fleet: Int) {
        let identity = trust.identity
        guard identity.authorities.contains(where: { $0.certificate.publicKeyID == link.authority }) else {
            return link.end(LinkEnd(.identity, "the authority of its certificate is not trusted any more"))
        }
        guard link.authority != identity.issuer.certificate.publicKeyID else { return }
        var renewal = WireRenewSoon()
        renewal.withinMs = UInt32(clamping: Int64(configuration.renewalSpacing.inMilliseconds) * Int64(fleet))
        link.post(.renewSoon(renewal))
    }

    /// A newcomer's contest with the live connection of the same identity; nil when there is none.
    func contest(for newcomer: AgentLink) -> Contest? {
        guard let older = links[newcomer.host.id] else { return nil }
        counters.update { $0.contests += 1 }
        let contest = Contest(
            on: newcomer.eventLoop,
            within: .nanoseconds(configuration.challengeMax.nanoseconds)
        )
        older.challenge(contest)
        return contest
    }

    /// Both the older connection and a newcomer are alive: somebody has copied the identity.
    func cloned(_ newcomer: AgentLink) {
        counters.update { $0.clones += 1 }
        let older = links[newcomer.host.id]?.address ?? "an address that left meanwhile"
        let reason = "two hosts use its identity, from \(older) and \(newcomer.address): its key was copied"
        quarantine(newcomer.host, Outcome(.unreachable, reason: "in quarantine: \(reason)"), reason: reason)
        turnAway(newcomer, reason: reason)
    }

    /// An agent answered a question that it was not asked, which no agent of ours does.
    func lied(_ link: AgentLink) {
        // What a connection still says that was replaced already is late, not a lie.
        guard links[link.host.id] === link else { return }
        let reason = "it answered a question that it was not asked"
        quarantine(link.host, Outcome(.failed, reason: "in quarantine: \(reason)"), reason: reason)
    }

    private func quarantine(_ host: HostReference, _ outcome: Outcome, reason: String) {
        guard registry.quarantine(host.id, reason: reason) else { return }
        counters.update { $0.quarantined += 1 }
        logger.critical(
            "host quarantined",
            metadata: ["host.id": "\(host.id)", "host.name": "\(host.name)", "reason": "\(reason)"]
        )
        fanOut.distrusted(host.id, outcome)
        savesIn.yield()
        if let link = links[host.id] { turnAway(link, reason: reason) }
        tell(.quarantined(host, reason: reason))
    }

    private func turnAway(_ link: AgentLink, reason: String) {
        let words = "in quarantine: \(reason)"
        link.end(LinkEnd(.identity, words), last: .refused(WireRefused(sequence: 0, reason: words)))
    }

    /// A connection ended; `link` is nil when it was never an agent's.
    func ended(link: AgentLink?, _ end: LinkEnd, address: String) {
        count(end)
        guard let link else { return logStranger(end, address: address) }
        changeDoor { $0.live -= 1 }
        var metadata = metadata(link)
        metadata["reason"] = "\(end.reason)"
        let level: Logger.Level =
            switch end.kind {
            case .broken, .stalled, .identity, .pushedBack, .replaced: .warning
            default: .info
            }
        logger.log(level: level, "agent disconnected", metadata: metadata)
        guard links.remove(link) else { return }
        registry.left(link.host.id, at: configuration.now())
        // A newer connection may have come between the two lines before.
        if links[link.host.id] != nil { registry.arrived(link.host.id) }
        fanOut.lost(link.host.id, reason: end.reason)
        tell(.disconnected(link.host, reason: end.reason))
    }

    /// Ends the connection of a revoked host and says so.
    func cut(_ link: AgentLink, reason: String) {
        var last = WireRevoked()
        last.reason = reason
        link.end(LinkEnd(.identity, "revoked: \(reason)"), last: .revoked(last))
    }

    // MARK: Messages

    /// A host asks to join; the answer comes from the desk, or at once when it has too much to do.
    func join(_ request: WireJoinRequest, address: String, channel: any Channel) {
        let result = requestsIn.yield(
            .join(request, address: address) { result in
                let end = LinkEnd(
                    .done,
                    result.refusal.isEmpty ? "joined" : "join refused: \(result.refusal)"
                )
                channel.triggerUserOutboundEvent(
                    LinkCommand.end(end, last: .joinResult(result)),
                    promise: nil
                )
            }
        )
        if case .enqueued = result { return }
        counters.update { $0.certificateRequestsDropped += 1 }
        let busy = WireJoinResult(refusal: "too many hosts join at once", retryCanHelp: true)
        let end = LinkEnd(.done, "too many hosts join at once")
        channel.triggerUserOutboundEvent(LinkCommand.end(end, last: .joinResult(busy)), promise: nil)
    }

    /// An agent wants a new certificate; `reply` gets it, or the refusal, from any thread.
    func renew(
        _ request: WireRenewRequest,
        for agent: AgentID,
        address: String,
        reply: @escaping @Sendable (WireEnvelope.OneOf_Body) -> Void
    ) {
        let renewal = CertificateDesk.Renewal(agent: agent, address: address, request: request, reply: reply)
        if case .enqueued = requestsIn.yield(.renew(renewal)) { return }
        counters.update { $0.certificateRequestsDropped += 1 }
        reply(.refused(WireRefused(sequence: 0, reason: "too many renewals at once; ask again later")))
    }

    /// Why an agent that is not connected may not have a new certificate; nil when it may.
    func renewalRefusal(for agent: AgentID) -> String? {
        guard let host = registry.host(agent) else {
            return "identity \(agent.short) is not in this coordinator's record; join again"
        }
        if host.state == .revoked { return "identity \(agent.short) (\(host.name)) was revoked" }
        if let reason = host.quarantine { return "in quarantine: \(reason)" }
        // A key that was copied must not get a certificate behind the back of the host that it is of.
        return links[agent].map { "its identity is connected already, from \($0.address)" }
    }

    /// Notes a sign of life; throws when what it says of the host is beyond the protocol's limits.
    func heard(_ heartbeat: WireHeartbeat, from link: AgentLink) throws(WireError) {
        registry.heard(
            link.host.id,
            sentAt: Timestamp(nanoseconds: heartbeat.sentAtNs),
            health: heartbeat.hasHealth ? try HealthDigest(heartbeat.health) : nil,
            linesSampledEvery: Int(heartbeat.linesSampledEvery),
            ledger: heartbeat.hasLedger ? try LedgerHead(heartbeat.ledger) : nil,
            at: configuration.now()
        )
    }

    /// Passes a report on; false when there was no room, so that it must not be acknowledged.
    func reported(_ wire: WireActionReport, by link: AgentLink) throws(WireError) -> Bool {
        tell(.actionReport(link.host, try ActionReport(wire)))
    }

    /// A message of an agent was not accepted.
    func refused(_ reason: String, from link: AgentLink?, address: String) {
        counters.update { $0.messagesRefused += 1 }
        logger.warning(
            "message refused",
            metadata: [
                "host.name": "\(link?.host.name ?? "")", "address": "\(address)", "reason": "\(reason)",
            ]
        )
    }

    /// An agent did not accept a message of ours.
    func refused(_ refused: WireRefused, by link: AgentLink) {
        var metadata = metadata(link)
        metadata["reason"] = "\(refused.reason.prefix(512))"
        logger.warning("agent refused a message", metadata: metadata)
    }

    /// Puts an event into the queue; false when it was full.
    @discardableResult
    func tell(_ event: FleetEvent) -> Bool {
        if case .enqueued = eventsIn.yield(event) { return true }
        counters.update { $0.eventsDropped += 1 }
        return false
    }

    private func count(_ end: LinkEnd) {
        counters.update { counts in
            switch end.kind {
            case .handshake: counts.handshakesFailed += 1
            case .identity: counts.identitiesRefused += 1
            case .broken: counts.framesBroken += 1
            case .silent: counts.silent += 1
            case .stalled: counts.stalled += 1
            case .replaced: counts.replaced += 1
            case .pushedBack, .done, .stopping, .peer: break
            }
        }
    }

    /// Says once why somebody who never was an agent here was turned away.
    private func logStranger(_ end: LinkEnd, address: String) {
        let metadata: Logger.Metadata = ["address": "\(address)", "reason": "\(end.reason)"]
        switch end.kind {
        case .identity:
            logger.warning("identity refused", metadata: metadata)
            tell(.identityRefused(reason: end.reason, address: address))
        case .handshake, .broken, .silent, .stalled:
            logger.warning("connection refused", metadata: metadata)
        case .replaced, .pushedBack, .done, .stopping, .peer:
            logger.debug("connection closed", metadata: metadata)
        }
    }

    private func metadata(_ link: AgentLink) -> Logger.Metadata {
        ["host.id": "\(link.host.id)", "host.name": "\(link.host.name)", "address": "\(link.address)"]
    }
}
