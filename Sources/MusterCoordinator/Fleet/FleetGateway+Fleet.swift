import MusterCore
import MusterIdentity
import MusterWire

extension FleetGateway: Fleet {
    package var events: AsyncStream<FleetEvent> { hub.events }

    package func hosts() async -> [FleetHost] { hub.registry.hosts }

    package func ask(
        _ probe: Probe,
        of hosts: [AgentID],
        budget: QuestionBudget,
        purpose: QuestionPurpose,
        onReply: (@Sendable (HostReply) -> Void)?
    ) async -> FleetReply {
        await hub.fanOut.ask(probe, of: hosts, budget: budget, purpose: purpose, onReply: onReply)
    }

    package func send(_ ticket: Ticket) async throws(FleetError) {
        let link = try link(to: ticket.agent)
        try await link.deliver(.ticket(WireTicket(ticket)), within: configuration.deliveryMax)
    }

    package func commit(_ ticket: TicketID, on host: AgentID) async throws(FleetError) {
        let link = try link(to: host)
        try await link.deliver(.commit(WireCommit(ticket)), within: configuration.deliveryMax)
    }

    package func abort(_ ticket: TicketID, on host: AgentID, reason: String) async throws(FleetError) {
        let link = try link(to: host)
        try await link.deliver(.abort(WireAbort(ticket, reason: reason)), within: configuration.deliveryMax)
    }

    package func tellFreezes() async -> Set<AgentID> { hub.tellFreezes() }

    private func link(to id: AgentID) throws(FleetError) -> AgentLink {
        guard let host = hub.registry.host(id) else {
            throw FleetError(.unknown, "there is no host \(id.short)")
        }
        guard host.state != .revoked else { throw FleetError(.revoked, "\(host.name) was revoked") }
        if let reason = host.quarantine {
            throw FleetError(.unreachable, "\(host.name) is in quarantine: \(reason)")
        }
        guard let link = hub.links[id] else {
            throw FleetError(.unreachable, "\(host.name) is not connected")
        }
        guard link.takesMessages else {
            throw FleetError(.unreachable, "\(host.name) does not read what it is sent")
        }
        return link
    }
}

extension FleetGateway: FleetAdministration {
    package func createToken(
        labels: [String: String],
        uses: Int,
        life: Duration,
        by creator: String
    ) async throws(FleetError) -> JoinToken {
        guard (1...10_000).contains(uses) else {
            throw FleetError(.invalid, "uses: \(uses) is not between 1 and 10000")
        }
        guard life > .zero, life <= .seconds(30 * 86_400) else {
            throw FleetError(.invalid, "ttl: \(life) is not between one second and 30 days")
        }
        try Self.check(labels)
        let secret = JoinToken(pin: hub.trust.identity.authority.certificate.publicKeyID)
        let now = configuration.now()
        let token = FleetToken(
            id: secret.id,
            labels: labels,
            uses: uses,
            created: now,
            expires: now + life,
            creator: creator
        )
        try await store.create(token, secret: secret.secret)
        logger.info(
            "join token created",
            metadata: ["token.id": "\(token.id)", "operator": "\(creator)", "uses": "\(uses)"]
        )
        return secret
    }

    package func tokens() async throws(FleetError) -> [FleetToken] { try await store.tokens() }

    package func revokeToken(_ id: String) async throws(FleetError) {
        try await store.revokeToken(id)
        logger.info("join token revoked", metadata: ["token.id": "\(id)"])
    }

    package func revoke(_ host: AgentID, reason: String) async throws(FleetError) {
        // Recorded before it is carried out: a crash in between must not leave the host trusted.
        try await store.revoke(host, reason: reason, at: configuration.now())
        if let reference = hub.registry.revoked(host) {
            hub.tell(.quarantineEnded(reference, reason: "revoked: \(reason)"))
        }
        if let link = hub.links[host] { hub.cut(link, reason: reason) }
        logger.warning("host revoked", metadata: ["host.id": "\(host)", "reason": "\(reason)"])
    }

    package func release(_ host: AgentID) async throws(FleetError) {
        guard let reference = hub.registry.release(host) else {
            throw FleetError(.invalid, "the host is not in quarantine")
        }
        await saveUnsaved()
        hub.tell(.quarantineEnded(reference, reason: "released by an administrator"))
        logger.warning("host released", metadata: ["host.id": "\(host)", "host.name": "\(reference.name)"])
    }

    /// Labels are words that a selector can name.
    private static func check(_ labels: [String: String]) throws(FleetError) {
        guard labels.count <= 32 else {
            throw FleetError(.invalid, "labels: \(labels.count), at most 32 are allowed")
        }
        for (key, value) in labels {
            guard !["host", "service", "all", ""].contains(key), !value.isEmpty,
                key.utf8.count <= 64, value.utf8.count <= 128,
                !(key + value).contains(where: { ",|=* ".contains($0) || $0.isNewline })
            else {
                throw FleetError(
                    .invalid,
                    "label \"\(key)=\(value)\": a label is name=value without spaces, commas, bars, \"=\" or \"*\"; "
                        + "the names host, service and all are taken"
                )
            }
        }
    }
}
