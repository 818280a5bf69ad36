import Glibc
import MusterCore
import MusterIdentity
import MusterWire

// What the coordinator says, and what it is told.
extension AgentLoop {
    /// One envelope arrived.
    func received(_ envelope: WireEnvelope) {
        let now = Moment.monotonic()
        do throws(WireError) {
            try counter.accept(envelope)
        } catch {
            return abandon(.transient, error.message)
        }
        takeAcknowledgement()
        switch envelope.body {
        case .welcome(let welcome):
            if welcome.hasLedger, let known = try? LedgerHead(welcome.ledger) { actions.remembered(known) }
            engineReceived(
                .welcome(
                    agent: Digest(welcome.agentID),
                    heartbeat: .milliseconds(Int64(welcome.heartbeatIntervalMs))
                ),
                now
            )
        case .retryAfter(let wire):
            engineReceived(.retryAfter(.milliseconds(Int64(wire.delayMs)), reason: wire.reason), now)
        case .drain(let wire):
            log.info("coordinator is about to restart", ["grace.ms": "\(wire.graceMs)"])
            engineReceived(.drain(.milliseconds(Int64(wire.graceMs))), now)
        case .revoked(let wire): engineReceived(.revoked(reason: wire.reason), now)
        case .refused(let wire): refused(wire)
        case .renewed(let wire) where !engine.isOnline: renewedByGrace(wire, now)
        case nil where envelope.unknownFields.data.isEmpty: engineReceived(.acknowledgement, now)
        default:
            engineReceived(.working, now)
            guard engine.isOnline else { return }
            do throws(WireError) {
                try carryOut(envelope.body, now)
            } catch {
                refuse(envelope, error.message)
            }
        }
        queueReports()
    }

    private func engineReceived(_ message: LinkEngine.Message, _ now: Duration) {
        carryOut(engine.received(message, now, random: .random(in: 0..<1)))
    }

    private func abandon(_ loss: LinkEngine.Loss, _ reason: String) {
        carryOut(engine.abandon(loss, reason: reason, Moment.monotonic(), random: .random(in: 0..<1)))
    }

    private func carryOut(_ body: WireEnvelope.OneOf_Body?, _ now: Duration) throws(WireError) {
        switch body {
        case .question(let wire): try ask(wire, now)
        case .cancel(let wire):
            for ending in questions.cancel(try wire.question, now: now) { send(ending) }
        case .ticket(let wire):
            if let report = try actions.receive(wire, now: Moment.wall()) {
                _ = outbox.add(.actionReport(WireActionReport(report)))
            }
            wakeActions()
        case .commit(let wire):
            try actions.commit(try wire.ticket, now: Moment.wall())
            wakeActions()
        case .abort(let wire):
            let reason = wire.reason.isEmpty ? "the coordinator asked for it" : wire.reason
            try actions.abort(try wire.ticket, reason: reason, now: Moment.wall())
            wakeActions()
        case .renewed(let wire): try renewed(wire, now)
        case .renewSoon(let wire): try renewSoon(wire, now)
        case .challenge(let wire): try answer(wire)
        case .freezes(let wire): actions.freeze(try wire.values)
        case nil:
            throw WireError(.unknownKind, "this kind of message is not known to agent \(AgentVersion.text)")
        default: throw WireError(.unknownKind, "an agent takes no message of this kind")
        }
    }

    /// The coordinator asks whether this connection still works: another one came with this agent's identity.
    private func answer(_ challenge: WireChallenge) throws(WireError) {
        try challenge.checkLimits()
        log.warning("another connection came with this agent's identity")
        var reply = WireChallengeReply()
        reply.nonce = challenge.nonce
        _ = outbox.add(.challengeReply(reply))
        connection?.flush()
    }

    private func refuse(_ envelope: WireEnvelope, _ reason: String) {
        messagesRefused += 1
        log.warning("message refused", ["reason": reason, "refused.total": "\(messagesRefused)"])
        _ = outbox.add(.refused(WireRefused(sequence: envelope.sequence, reason: reason)))
    }

    private func refused(_ wire: WireRefused) {
        guard engine.isOnline else {
            // The coordinator says this before it closes a connection that it does not want.
            if wire.renewalHelps, !isToldExpired {
                isToldExpired = true
                log.warning(
                    "the coordinator says that the certificate has expired; asking for a new one",
                    ["reason": wire.reason]
                )
                return abandon(.transient, "the certificate has expired")
            }
            isToldExpired = false
            return abandon(.standing, "the coordinator refused this agent: \(wire.reason)")
        }
        log.warning("coordinator refused a message", ["reason": wire.reason, "sequence": "\(wire.sequence)"])
    }

    // MARK: Questions

    private func ask(_ wire: WireQuestion, _ now: Duration) throws(WireError) {
        // Without an id there is nothing that an outcome could belong to.
        guard let id = QuestionID(wire.id) else { throw WireError(.malformed, "a question without an id") }
        let question: Question
        do throws(WireError) {
            question = try Question(wire)
        } catch {
            return send(.init(question: id, outcome: Outcome(.refused, reason: error.message)))
        }
        // The ledger lives on this thread and answers at once, also while work is shed: actions rest on it.
        if case .ledger(let ticket) = question.probe {
            let answer = actions.answer(ticket: ticket, rowsMax: question.budget.rowsMax)
            let chunker = AnswerChunker(.ledger(answer), to: id, bytesMax: question.budget.bytesMax)
            let isWhole = chunker.rowsDropped == 0
            return send(
                .init(
                    question: id,
                    outcome: Outcome(
                        isWhole ? .ok : .partial,
                        reason: isWhole ? "" : "not all entries fit",
                        rowsDropped: chunker.rowsDropped
                    ),
                    chunks: chunker.chunks,
                    bytes: chunker.bytes
                )
            )
        }
        if case .dryRun(let plan) = question.probe {
            let trial = actions.trial(of: plan, now: Moment.wall())
            let chunker = AnswerChunker(.dryRun(trial), to: id, bytesMax: question.budget.bytesMax)
            return send(
                .init(question: id, outcome: Outcome(.ok), chunks: chunker.chunks, bytes: chunker.bytes)
            )
        }
        if let reason = sheddingReason {
            return send(.init(question: id, outcome: Outcome(.refused, reason: reason)))
        }
        if let ending = questions.ask(question, now: now) { send(ending) }
    }

    /// Sends the chunks of an answer and its outcome; an answer that does not fit becomes a failure.
    func send(_ ending: QuestionDesk.Ending) {
        guard engine.isOnline else { return }
        var outcome = ending.outcome
        var (chunks, signature) = (ending.chunks.count, ending.signature)
        if !outbox.add(chunks: ending.chunks, bytes: ending.bytes) {
            (chunks, signature) = (0, nil)
            outcome.kind = .failed
            outcome.reason = "the agent's outbox is full: the coordinator reads too slowly"
        }
        let last = WireQuestionOutcome(outcome, of: ending.question, chunks: chunks, signature: signature)
        if !outbox.add(.outcome(last)) {
            // Thousands of small messages wait: this connection does not work.
            return abandon(.transient, "the coordinator does not read")
        }
        connection?.flush()
    }

    // MARK: Reports of actions

    /// Puts every report that the coordinator has not taken into the outbox, once a connection.
    func queueReports() {
        guard engine.isOnline else { return }
        for step in actions.reportsPending where step.number > reportsQueued {
            guard outbox.add(.actionReport(WireActionReport(step.report)), step: step.number) else { return }
            reportsQueued = step.number
        }
    }

    private func takeAcknowledgement() {
        var taken: UInt64?
        while let first = reportsSent.first, first.sequence <= counter.acknowledged {
            taken = first.step
            reportsSent.removeFirst()
        }
        if let taken { actions.acknowledged(taken) }
    }

    // MARK: Sending

    /// The next frame for the connection.
    func nextFrame() -> [UInt8]? {
        while let message = outbox.next() {
            var envelope = WireEnvelope(message.body)
            // A message that can't be sent must not use up a number.
            var stamped = counter
            stamped.stamp(&envelope)
            do throws(FrameError) {
                let frame = try Frame.encode(envelope)
                counter = stamped
                if let step = message.step { reportsSent.append((envelope.sequence, step)) }
                return frame
            } catch {
                log.error("message could not be sent", ["reason": error.message])
            }
        }
        return nil
    }

    func sendHello() {
        let inventory = host.inventory()
        var hello = WireHello()
        hello.version = AgentVersion.text
        hello.capabilities = host.capabilities + ["ledger", "actions", "renew", WireFreezes.capability]
        hello.inventory = .with {
            $0.name = configuration.name
            $0.system = inventory.system.clipped(to: 128)
            $0.kernel = inventory.kernel.clipped(to: 128)
            $0.cpus = UInt32(clamping: inventory.cpus)
            $0.memoryBytes = UInt64(clamping: inventory.memoryBytes)
            $0.services = inventory.services.prefix(128).map { service in
                .with {
                    $0.name = service.name.clipped(to: 128)
                    $0.version = service.version.clipped(to: 128)
                }
            }
        }
        if let bytes = try? SafeFile.read("/proc/sys/kernel/random/boot_id", bytesMax: 128) {
            hello.bootID = String(decoding: bytes.prefix(36), as: UTF8.self)
        }
        hello.sentAtNs = Moment.wall().nanoseconds
        hello.monotonicNs = Moment.monotonic().nanoseconds
        if let head = actions.head { hello.ledger = WireLedgerHead(head) }
        _ = outbox.add(.hello(hello))
        connection?.flush()
    }

    func sendHeartbeat() {
        let usage = ResourceGuard.measure()
        var heartbeat = WireHeartbeat()
        heartbeat.sentAtNs = Moment.wall().nanoseconds
        heartbeat.outboxDropped = outbox.dropped
        heartbeat.linesDropped = host.linesDropped
        heartbeat.linesSampledEvery = UInt32(clamping: host.linesSampledEvery)
        heartbeat.questionsRefused = questions.refused
        heartbeat.residentBytes = UInt64(clamping: usage.residentBytes)
        heartbeat.cpuMs = UInt64(clamping: Int64(usage.cpu.inMilliseconds))
        if let health = host.health() { heartbeat.health = WireHealthDigest(health) }
        if let head = actions.head { heartbeat.ledger = WireLedgerHead(head) }
        _ = outbox.add(.heartbeat(heartbeat))
        connection?.flush()
    }

    /// The coordinator welcomed us.
    func begin() {
        log.info("link up", ["coordinator": "\(endpoint)"])
        guard usesCandidate else { return }
        do throws(AgentError) {
            try identity.confirm()
            log.info(
                "renewed certificate confirmed",
                ["certificate.expires": "\(identity.current.certificate.notAfter)"]
            )
        } catch {
            log.error("renewed certificate could not be kept", ["reason": error.message])
        }
    }

    // MARK: Renewal

    /// Asks for a new certificate at two thirds of the life of the old one, and again every ten minutes.
    func renewWhenDue(_ now: Duration) {
        guard engine.isOnline, identity.candidate == nil else { return }
        let isWanted = renewalWantedAt.map { $0 <= now } ?? false
        guard isWanted || Moment.wall() >= identity.renewalDue else { return }
        if !isWanted, let asked = renewalAskedAt, now - asked < .seconds(600) { return }
        sendRenewal(now)
    }

    /// Asks for a new certificate.
    func sendRenewal(_ now: Duration) {
        renewalWantedAt = nil
        renewalAskedAt = now
        do throws(IdentityError) {
            let request = try identity.key.certificateRequest(name: configuration.name)
            _ = outbox.add(.renewRequest(WireRenewRequest(certificateRequest: request)))
            connection?.flush()
            log.info(
                "asking for a new certificate",
                ["certificate.expires": "\(identity.current.certificate.notAfter)"]
            )
        } catch {
            log.error("no new certificate can be asked for", ["reason": error.description])
        }
    }

    /// The coordinator wants us to renew; when is up to us, so that not all hosts come at once.
    private func renewSoon(_ wire: WireRenewSoon, _ now: Duration) throws(WireError) {
        guard wire.withinMs <= 86_400_000 else {
            throw WireError(.malformed, "within_ms is \(wire.withinMs), at most 86400000 are allowed")
        }
        renewalWantedAt = now + .milliseconds(Int64(wire.withinMs)) * Double.random(in: 0..<1)
    }

    /// The answer to a renewal with a certificate that has expired.
    private func renewedByGrace(_ wire: WireRenewed, _ now: Duration) {
        isToldExpired = false
        do throws(WireError) {
            // A candidate that was never tried may have expired as well: the new one takes its place.
            try keep(wire, now)
            engineReceived(.renewed, now)
        } catch {
            abandon(.standing, error.message)
        }
    }

    private func renewed(_ wire: WireRenewed, _ now: Duration) throws(WireError) {
        guard renewalAskedAt != nil, identity.candidate == nil else {
            throw WireError(.malformed, "a certificate that nobody asked for")
        }
        try keep(wire, now)
        engine.reconnectSoon(reason: "to use the new certificate", now, random: .random(in: 0..<1))
    }

    /// Keeps a new certificate as the candidate.
    private func keep(_ wire: WireRenewed, _ now: Duration) throws(WireError) {
        try wire.checkLimits()
        do throws(AgentError) {
            try identity.renewed(
                certificate: wire.certificateBytes,
                authorities: wire.authorityBytes,
                now: Moment.wall()
            )
        } catch {
            throw WireError(.malformed, error.message)
        }
        log.info(
            "new certificate received",
            ["certificate.expires": "\(identity.preferred.certificate.notAfter)"]
        )
    }
}

extension String {
    /// At most so many bytes, cut at a character.
    func clipped(to bytesMax: Int) -> String {
        guard utf8.count > bytesMax else { return self }
        var text = self
        while text.utf8.count > bytesMax { text.removeLast() }
        return text
    }
}
