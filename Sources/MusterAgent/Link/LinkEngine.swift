import MusterCore

/// Decides when the agent connects, what it says first, and when it gives up on a connection.
///
/// Times are since boot, on a clock that never jumps. Randomness comes in as a number from 0 up to 1.
package struct LinkEngine: Sendable {
    /// Deadlines of the link.
    package struct Limits: Sendable {
        /// From the first packet to the end of the TLS handshake.
        package var handshakeMax: Duration = .seconds(15)
        /// From Hello to Welcome, and from RenewRequest to Renewed.
        package var welcomeMax: Duration = .seconds(15)
        /// Backoff grows from the first to the second; the wait is drawn evenly from zero up to it.
        package var backoffMin: Duration = .seconds(1)
        package var backoffMax: Duration = .seconds(120)
        /// A connection that lived so long ends a run of failures.
        package var soundAfter: Duration = .seconds(10)

        package init() {}
    }

    /// What the coordinator said, as far as the link cares.
    package enum Message: Equatable, Sendable {
        case welcome(agent: AgentID?, heartbeat: Duration)
        case retryAfter(Duration, reason: String)
        case drain(Duration)
        case revoked(reason: String)
        /// A new certificate, which was kept.
        case renewed
        /// Everything that a greeted connection may carry.
        case working
        /// Only counts what was received.
        case acknowledgement
    }

    /// How a connection ended.
    package enum Loss: Equatable, Sendable {
        /// The network or the coordinator went away.
        case transient
        /// The coordinator does not accept us, or we don't accept it: somebody has to change something.
        case standing
    }

    package enum Directive: Equatable, Sendable {
        case connect
        case sendHello
        /// The certificate has expired: ask for a new one, the only thing allowed with it.
        case sendRenewal
        case sendHeartbeat
        /// The link is up: ask for what is outstanding.
        case begin
        /// Close and say why; `isFault` when somebody should look at it.
        case disconnect(reason: String, isFault: Bool)
        /// Never connect again.
        case stop(reason: String)
    }

    package enum Phase: Equatable, Sendable {
        case waiting(until: Duration)
        case connecting(until: Duration)
        case greeting(until: Duration)
        case renewing(until: Duration)
        case online(since: Duration)
        case stopped
    }

    package private(set) var phase: Phase
    /// Connections in a row that did not become sound.
    package private(set) var failures = 0
    private let agent: AgentID
    private let limits: Limits
    private var heartbeat: Duration = .seconds(10)
    private var heartbeatAt: Duration = .zero
    /// When to leave an online connection by ourselves: a drain, or a new certificate to try.
    private var leaveAt: (moment: Duration, reason: String)?

    /// A link that connects at once.
    package init(agent: AgentID, limits: Limits = Limits(), now: Duration) {
        self.agent = agent
        self.limits = limits
        self.phase = .waiting(until: now)
    }

    /// Whether questions and actions may travel.
    package var isOnline: Bool { if case .online = phase { true } else { false } }

    /// When to call ``tick(_:random:)`` next; nil when never.
    package var nextTick: Duration? {
        switch phase {
        case .waiting(let until), .connecting(let until), .greeting(let until), .renewing(let until): until
        case .online: min(heartbeatAt, leaveAt?.moment ?? heartbeatAt)
        case .stopped: nil
        }
    }

    /// Time has passed.
    package mutating func tick(_ now: Duration, random: Double) -> [Directive] {
        switch phase {
        case .waiting(let until) where until <= now:
            phase = .connecting(until: now + limits.handshakeMax)
            return [.connect]
        case .connecting(let until) where until <= now:
            return leave(
                .transient,
                "no TLS connection within \(limits.handshakeMax.spoken)",
                now,
                random
            )
        case .greeting(let until) where until <= now:
            return leave(.transient, "no Welcome within \(limits.welcomeMax.spoken)", now, random)
        case .renewing(let until) where until <= now:
            return leave(.transient, "no new certificate within \(limits.welcomeMax.spoken)", now, random)
        case .online:
            if let leave = leaveAt, leave.moment <= now {
                phase = .waiting(until: now + limits.backoffMin * random)
                leaveAt = nil
                return [.disconnect(reason: leave.reason, isFault: false)]
            }
            guard heartbeatAt <= now else { return [] }
            scheduleHeartbeat(now, random)
            return [.sendHeartbeat]
        default: return []
        }
    }

    /// The TLS handshake is done, with a certificate that has `expired` or not.
    package mutating func secured(_ now: Duration, expired: Bool = false) -> [Directive] {
        guard case .connecting = phase else { return [] }
        if expired {
            phase = .renewing(until: now + limits.welcomeMax)
            return [.sendRenewal]
        }
        phase = .greeting(until: now + limits.welcomeMax)
        return [.sendHello]
    }

    /// The connection is gone.
    package mutating func lost(_ loss: Loss, _ now: Duration, random: Double) {
        switch phase {
        case .waiting, .stopped: return
        case .connecting, .greeting, .renewing, .online: back(off: loss, now, random)
        }
    }

    /// A message arrived in its right place of the stream.
    package mutating func received(_ message: Message, _ now: Duration, random: Double) -> [Directive] {
        switch (phase, message) {
        case (.waiting, _), (.stopped, _), (.connecting, _): return []
        case (_, .revoked(let reason)):
            phase = .stopped
            return [.disconnect(reason: "revoked: \(reason)", isFault: true), .stop(reason: reason)]
        case (_, .retryAfter(let delay, let reason)):
            let wait = min(max(delay, .zero), .seconds(3600))
            phase = .waiting(until: now + wait + max(wait * 0.25, limits.backoffMin) * random)
            leaveAt = nil
            return [
                .disconnect(reason: "the coordinator asked to come back later: \(reason)", isFault: false)
            ]
        case (.greeting, .welcome(let id, let interval)):
            guard id == agent else {
                return leave(.standing, "the coordinator takes this agent for another one", now, random)
            }
            phase = .online(since: now)
            heartbeat = min(max(interval, .seconds(1)), .seconds(300))
            scheduleHeartbeat(now, random)
            return [.begin]
        case (.renewing, .renewed):
            phase = .waiting(until: now + limits.backoffMin * random)
            return [.disconnect(reason: "to use the new certificate", isFault: false)]
        case (.greeting, .acknowledgement), (.renewing, .acknowledgement): return []
        case (.renewing, _):
            return leave(.standing, "the coordinator's first message was no new certificate", now, random)
        case (.greeting, _):
            return leave(.standing, "the coordinator's first message was no Welcome", now, random)
        case (.online, .welcome): return leave(.transient, "a second Welcome", now, random)
        case (.online, .drain(let grace)):
            plan(leaving: "the coordinator restarts", at: now + min(max(grace, .zero), .seconds(3600)))
            return []
        case (.online, .working), (.online, .acknowledgement), (.online, .renewed): return []
        }
    }

    /// The shell can't go on with this connection.
    package mutating func abandon(
        _ loss: Loss,
        reason: String,
        _ now: Duration,
        random: Double
    ) -> [Directive] {
        switch phase {
        case .waiting, .stopped: []
        case .connecting, .greeting, .renewing, .online: leave(loss, reason, now, random)
        }
    }

    /// Reconnects within half a minute, to use a new certificate; hosts renewed together come back apart.
    package mutating func reconnectSoon(reason: String, _ now: Duration, random: Double) {
        guard isOnline else { return }
        plan(leaving: reason, at: now + .seconds(30) * random)
    }

    private mutating func plan(leaving reason: String, at moment: Duration) {
        if let leaveAt, leaveAt.moment <= moment { return }
        leaveAt = (moment, reason)
    }

    private mutating func leave(
        _ loss: Loss,
        _ reason: String,
        _ now: Duration,
        _ random: Double
    ) -> [Directive] {
        back(off: loss, now, random)
        return [.disconnect(reason: reason, isFault: true)]
    }

    private mutating func back(off loss: Loss, _ now: Duration, _ random: Double) {
        if case .online(let since) = phase, now - since >= limits.soundAfter { failures = 0 }
        leaveAt = nil
        let exponent = min(failures, 16)
        failures += 1
        switch loss {
        case .transient:
            let ceiling = min(limits.backoffMin * (1 << exponent), limits.backoffMax)
            phase = .waiting(until: now + ceiling * random)
        case .standing:
            // Trying again only helps after somebody has changed something: rarely, but not never.
            phase = .waiting(until: now + limits.backoffMax * (0.5 + random / 2))
        }
    }

    private mutating func scheduleHeartbeat(_ now: Duration, _ random: Double) {
        heartbeatAt = now + heartbeat * (0.8 + 0.2 * random)
    }
}
