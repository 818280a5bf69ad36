import MusterCore
import MusterIdentity
import MusterWire
import Testing

@testable import MusterCoordinator

@Suite("What may come over a connection", .timeLimit(.minutes(1)))
struct FleetFrameTests {
    @Test("bytes that are no TLS close the connection, with a reason in the log")
    func garbage() async throws {
        try await TestFleet.run { fleet in
            let agent = try await TestAgent.plain(port: fleet.port)
            agent.send(bytes: Array("GET / HTTP/1.1\r\nHost: coordinator\r\n\r\n".utf8))
            #expect(await agent.isClosed())
            await eventually { fleet.log.contains("connection refused") }
            #expect(fleet.log.count("TLS handshake failed") == 1)
            #expect(fleet.gateway.counts.handshakesFailed == 1)
        }
    }

    @Test("a connection that never speaks TLS is closed at the deadline")
    func silentBeforeTLS() async throws {
        try await TestFleet.run({ $0.helloMax = .milliseconds(200) }) { fleet in
            let agent = try await TestAgent.plain(port: fleet.port)
            #expect(await agent.isClosed())
            await eventually { fleet.log.contains("no TLS handshake within 0.2 s") }
            #expect(fleet.gateway.counts.silent == 1)
        }
    }

    @Test("silence after the handshake closes the connection at the deadline")
    func silentBeforeHello() async throws {
        try await TestFleet.run({ $0.helloMax = .seconds(3) }) { fleet in
            let agent = try await fleet.connect(fleet.credentials())
            #expect(await agent.isClosed())
            await eventually { fleet.log.contains("no first message within 3 s") }
            #expect(fleet.log.contains("no first message within 3 s"))
        }
    }

    @Test("an agent without a sign of life for two intervals is gone")
    func silentLater() async throws {
        try await TestFleet.run({ $0.heartbeatInterval = .milliseconds(100) }) { fleet in
            let (agent, _) = try await fleet.join("web-1")
            #expect(await agent.isClosed())
            await eventually { await fleet.gateway.hosts().first?.state == .disconnected }
            #expect(await fleet.gateway.hosts().first?.state == .disconnected)
            #expect(fleet.log.contains("silent for 0.2 s"))
        }
    }

    @Test("a frame announced larger than 1 MiB closes the connection before its content comes")
    func oversize() async throws {
        try await TestFleet.run { fleet in
            let (agent, _) = try await fleet.join("web-1")
            agent.send(bytes: [0x00, 0x10, 0x00, 0x01])
            #expect(await agent.isClosed())
            await eventually { fleet.log.contains("1048577") }
            #expect(fleet.log.contains("1048577"))
            #expect(fleet.gateway.counts.framesBroken == 1)
        }
    }

    @Test("a connection that ends inside a frame is told as such")
    func truncated() async throws {
        try await TestFleet.run { fleet in
            let (agent, _) = try await fleet.join("web-1")
            agent.send(bytes: [0x00, 0x00, 0x01, 0x00, 0x08, 0x02])
            agent.close()
            await eventually { fleet.log.contains("agent disconnected") }
            #expect(fleet.log.contains("closed within a message"))
        }
    }

    @Test("a frame of garbage closes the connection")
    func garbageFrame() async throws {
        try await TestFleet.run { fleet in
            let (agent, _) = try await fleet.join("web-1")
            agent.send(bytes: [0, 0, 0, 4, 0xFF, 0xFF, 0xFF, 0xFF])
            #expect(await agent.isClosed())
            await eventually { fleet.gateway.counts.framesBroken == 1 }
            #expect(fleet.gateway.counts.framesBroken == 1)
        }
    }

    @Test("a message out of sequence closes the connection")
    func sequence() async throws {
        try await TestFleet.run { fleet in
            let (agent, _) = try await fleet.join("web-1")
            var envelope = WireEnvelope(.heartbeat(WireHeartbeat()))
            envelope.sequence = 9
            try agent.send(envelope: envelope)
            #expect(await agent.isClosed())
            await eventually { fleet.log.contains("expected message 2 of the peer, got 9") }
            #expect(fleet.log.contains("expected message 2 of the peer, got 9"))
        }
    }

    @Test("an unknown message is refused, the connection goes on; too many end it")
    func unknown() async throws {
        try await TestFleet.run { fleet in
            let (agent, _) = try await fleet.join("web-1")
            // Field 99, a length-delimited value: what a later version may send.
            var decoder = FrameDecoder()
            decoder.append([0, 0, 0, 4, 0x9A, 0x06, 0x01, 0x00])
            let unknown = try #require(try decoder.next())
            var sequence: UInt64 = 1
            for _ in 0..<16 {
                var envelope = unknown
                sequence += 1
                envelope.sequence = sequence
                try agent.send(envelope: envelope)
                guard case .refused(let refused)? = await agent.next() else {
                    Issue.record("expected a refusal")
                    return
                }
                #expect(refused.sequence == sequence)
            }
            #expect(fleet.gateway.counts.messagesRefused == 16)
            var envelope = unknown
            envelope.sequence = sequence + 1
            try agent.send(envelope: envelope)
            #expect(await agent.isClosed())
        }
    }

    @Test("what a heartbeat says of the host is kept until the next one, and goes with the host")
    func health() async throws {
        try await TestFleet.run { fleet in
            let (agent, _) = try await fleet.join("web-1")
            func known() async -> HealthDigest? {
                await fleet.gateway.hosts().first { $0.name == "web-1" }?.health
            }
            #expect(await known() == nil)
            var digest = HealthDigest()
            digest.open = 2
            digest.watched = 100
            digest.worst = [
                HealthDigest.Line(
                    name: "disk_busy_ratio",
                    subject: "sda",
                    direction: .up,
                    score: 8.5,
                    onset: Timestamp(nanoseconds: 1_764_036_780_000_000_000),
                    value: 1,
                    usual: 0.25
                )
            ]
            try agent.send(
                .heartbeat(
                    .with {
                        $0.health = WireHealthDigest(digest)
                        $0.linesSampledEvery = 8
                    }
                )
            )
            await eventually { await known() != nil }
            #expect(await known() == digest)
            #expect(await fleet.gateway.hosts().first { $0.name == "web-1" }?.linesSampledEvery == 8)
            // Too long for the protocol: refused, and what was known stays.
            var long = WireHealthDigest(digest)
            long.worst[0].name = String(repeating: "x", count: 100)
            try agent.send(.heartbeat(.with { $0.health = long }))
            guard case .refused? = await agent.next() else {
                Issue.record("expected a refusal")
                return
            }
            #expect(await known() == digest)
            agent.close()
            await eventually { await known() == nil }
            #expect(await known() == nil)
        }
    }

    @Test("a message of the coordinator's own is refused")
    func foreign() async throws {
        try await TestFleet.run { fleet in
            let (agent, _) = try await fleet.join("web-1")
            try agent.send(.welcome(WireWelcome()))
            guard case .refused(let refused)? = await agent.next() else {
                Issue.record("expected a refusal")
                return
            }
            #expect(refused.reason == "Welcome is a message of the coordinator")
        }
    }

    @Test("an agent that does not read is cut")
    func stalled() async throws {
        let configure: (inout FleetConfiguration) -> Void = {
            $0.stallMax = .milliseconds(200)
            $0.writeBufferBytesMax = 64 << 10
            $0.questionsPerHostMax = 1_000
        }
        try await TestFleet.run(configure) { fleet in
            let (agent, credentials) = try await fleet.join("web-1")
            try await agent.stopReading()
            let probe = Probe.processes(text: String(repeating: "x", count: 900 << 10))
            let budget = QuestionBudget(deadline: .milliseconds(1))
            for _ in 0..<12 {
                let reply = await fleet.gateway.ask(probe, of: [credentials.id], budget: budget, onReply: nil)
                #expect(reply.replies.count == 1)
            }
            await eventually { fleet.gateway.counts.stalled == 1 }
            #expect(fleet.gateway.counts.stalled == 1)
            #expect(fleet.log.contains("did not read for 0.2 s"))
        }
    }

    @Test("connections beyond the handshakes that may run wait, and come in when there is room")
    func admission() async throws {
        try await TestFleet.run({ $0.newcomersMax = 2 }) { fleet in
            var waiting: [TestAgent] = []
            for _ in 0..<40 { waiting.append(try await TestAgent.plain(port: fleet.port)) }
            try await Task.sleep(for: .milliseconds(200))
            // A few that the kernel had at hand already come in with the last that has room.
            let first = fleet.gateway.counts.connections
            #expect((2..<20).contains(first))
            for agent in waiting.prefix(20) { agent.close() }
            #expect(await eventually { fleet.gateway.counts.connections > first })
            #expect(fleet.gateway.counts.admissionsRefused == 0)
        }
    }

    @Test("strangers of one address can't take all room: agents that were welcomed don't count")
    func oneAddress() async throws {
        try await TestFleet.run({ $0.newcomersPerAddressMax = 3 }) { fleet in
            for name in ["web-1", "web-2", "web-3", "web-4"] { _ = try await fleet.join(name) }
            var silent: [TestAgent] = []
            for _ in 0..<3 { silent.append(try await TestAgent.plain(port: fleet.port)) }
            #expect(await eventually { fleet.gateway.hub.newcomers(at: "127.0.0.1") == 3 })
            let one = try await TestAgent.plain(port: fleet.port)
            #expect(await one.isClosed())
            #expect(fleet.gateway.counts.admissionsRefused == 1)
            silent[0].close()
            #expect(await eventually { fleet.gateway.hub.newcomers(at: "127.0.0.1") == 2 })
            _ = try await fleet.join("web-5")
        }
    }

    @Test("connections beyond the most that may be open are closed before TLS")
    func full() async throws {
        try await TestFleet.run({ $0.connectionsMax = 1 }) { fleet in
            let first = try await TestAgent.plain(port: fleet.port)
            #expect(await eventually { fleet.gateway.counts.connections == 1 })
            let second = try await TestAgent.plain(port: fleet.port)
            #expect(await second.isClosed())
            #expect(fleet.gateway.counts.admissionsRefused == 1)
            first.close()
        }
    }

    @Test("a report of an action is passed on and acknowledged")
    func reports() async throws {
        try await TestFleet.run { fleet in
            let (agent, credentials) = try await fleet.join("web-1")
            let report = ActionReport(
                ticket: TicketID(at: FleetClock.now()),
                plan: .zero,
                state: .done,
                at: FleetClock.now(),
                count: 3
            )
            try agent.send(.actionReport(WireActionReport(report)))
            var told: (HostReference, ActionReport)?
            for await event in fleet.gateway.events {
                if case .actionReport(let host, let report) = event {
                    told = (host, report)
                    break
                }
            }
            #expect(told?.0 == HostReference(id: credentials.id, name: "web-1"))
            #expect(told?.1 == report)
            await eventually { agent.acknowledged == 2 }
            #expect(agent.acknowledged == 2)
        }
    }
}
