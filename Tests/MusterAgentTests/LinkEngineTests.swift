import MusterCore
import Testing

@testable import MusterAgent

@Suite struct LinkEngineTests {
    private static let agent = Digest(bytes: [UInt8](repeating: 1, count: 32)) ?? .zero

    private func online(at now: Duration = .zero) -> LinkEngine {
        var engine = LinkEngine(agent: Self.agent, now: now)
        #expect(engine.tick(now, random: 0.5) == [.connect])
        #expect(engine.secured(now) == [.sendHello])
        let message = LinkEngine.Message.welcome(agent: Self.agent, heartbeat: .seconds(10))
        #expect(engine.received(message, now, random: 0.5) == [.begin])
        return engine
    }

    @Test func itConnectsGreetsAndBeats() {
        var engine = online()
        #expect(engine.isOnline)
        #expect(engine.tick(.seconds(8), random: 0) == [])
        #expect(engine.tick(.seconds(9), random: 0) == [.sendHeartbeat])
        #expect(engine.nextTick == .seconds(17))
    }

    @Test func anExpiredCertificateIsRenewedBeforeAnythingElse() {
        var engine = LinkEngine(agent: Self.agent, now: .zero)
        #expect(engine.tick(.zero, random: 0.5) == [.connect])
        #expect(engine.secured(.zero, expired: true) == [.sendRenewal])
        #expect(!engine.isOnline)
        #expect(
            engine.received(.renewed, .seconds(1), random: 0.5)
                == [.disconnect(reason: "to use the new certificate", isFault: false)]
        )
        #expect(engine.nextTick == .seconds(1) + .milliseconds(500))
        #expect(engine.tick(.seconds(2), random: 0.5) == [.connect])
        #expect(engine.secured(.seconds(2)) == [.sendHello])
    }

    @Test func anExpiredCertificateThatNobodyRenewsIsAFault() {
        var engine = LinkEngine(agent: Self.agent, now: .zero)
        _ = engine.tick(.zero, random: 0.5)
        _ = engine.secured(.zero, expired: true)
        #expect(engine.nextTick == .seconds(15))
        #expect(
            engine.tick(.seconds(15), random: 0.5)
                == [.disconnect(reason: "no new certificate within 15 s", isFault: true)]
        )
        _ = engine.tick(.seconds(16), random: 0.5)
        _ = engine.secured(.seconds(16), expired: true)
        // A Welcome instead would be a coordinator that does not know what it did.
        let welcome = LinkEngine.Message.welcome(agent: Self.agent, heartbeat: .seconds(10))
        #expect(engine.received(welcome, .seconds(17), random: 0).count == 1)
        #expect(!engine.isOnline)
    }

    @Test func waitsGrowToTheirCeilingAndAreDrawnFromZeroOn() {
        var engine = LinkEngine(agent: Self.agent, now: .zero)
        var now = Duration.zero
        var waits: [Double] = []
        for _ in 0..<10 {
            _ = engine.tick(now, random: 0)
            engine.lost(.transient, now, random: 0.999)
            let next = engine.nextTick ?? .zero
            waits.append((next - now).inSeconds.rounded())
            now = next
        }
        #expect(waits == [1, 2, 4, 8, 16, 32, 64, 120, 120, 120])
        _ = engine.tick(now, random: 0)
        engine.lost(.transient, now, random: 0)
        #expect(engine.nextTick == now)
    }

    @Test func onlyAConnectionThatLastedEndsARunOfFailures() {
        var engine = online()
        engine.lost(.transient, .seconds(2), random: 0.5)
        #expect(engine.failures == 1)
        engine = online()
        _ = engine.tick(.seconds(9), random: 0)
        engine.lost(.transient, .seconds(11), random: 0.5)
        #expect(engine.nextTick == .seconds(11) + .milliseconds(500))
    }

    @Test func whatSomebodyHasToChangeIsTriedRarely() {
        var engine = LinkEngine(agent: Self.agent, now: .zero)
        _ = engine.tick(.zero, random: 0)
        engine.lost(.standing, .zero, random: 0)
        #expect(engine.nextTick == .seconds(60))
    }

    @Test func handshakeAndWelcomeHaveDeadlines() {
        var engine = LinkEngine(agent: Self.agent, now: .zero)
        _ = engine.tick(.zero, random: 0)
        #expect(engine.tick(.seconds(14), random: 0) == [])
        guard case .disconnect? = engine.tick(.seconds(15), random: 0).first else {
            Issue.record("no disconnect")
            return
        }
        engine = LinkEngine(agent: Self.agent, now: .zero)
        _ = engine.tick(.zero, random: 0)
        _ = engine.secured(.seconds(1))
        guard case .disconnect? = engine.tick(.seconds(16), random: 0).first else {
            Issue.record("no disconnect")
            return
        }
    }

    @Test func theFirstMessageMustBeAWelcomeForThisAgent() {
        var engine = LinkEngine(agent: Self.agent, now: .zero)
        _ = engine.tick(.zero, random: 0)
        _ = engine.secured(.zero)
        let foreign = LinkEngine.Message.welcome(agent: .zero, heartbeat: .seconds(10))
        #expect(engine.received(foreign, .zero, random: 0).count == 1)
        #expect(!engine.isOnline)
        engine = LinkEngine(agent: Self.agent, now: .zero)
        _ = engine.tick(.zero, random: 0)
        _ = engine.secured(.zero)
        #expect(engine.received(.working, .zero, random: 0).count == 1)
        #expect(!engine.isOnline)
    }

    @Test func theCoordinatorsWishesAreKept() {
        var engine = online()
        _ = engine.received(.retryAfter(.seconds(30), reason: "busy"), .seconds(1), random: 0)
        #expect(engine.nextTick == .seconds(31))
        engine = online()
        #expect(engine.received(.drain(.seconds(4)), .seconds(1), random: 0) == [])
        #expect(engine.isOnline)
        #expect(
            engine.tick(.seconds(5), random: 0) == [
                .disconnect(reason: "the coordinator restarts", isFault: false)
            ]
        )
        engine = online()
        let directives = engine.received(.revoked(reason: "stolen"), .seconds(1), random: 0)
        #expect(directives.last == .stop(reason: "stolen"))
        #expect(engine.nextTick == nil)
        #expect(engine.tick(.seconds(9999), random: 0) == [])
    }
}
