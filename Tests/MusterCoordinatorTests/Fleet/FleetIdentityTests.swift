import MusterCore
import MusterIdentity
import MusterWire
import Testing

@testable import MusterCoordinator

@Suite("Who may connect", .timeLimit(.minutes(1)))
struct FleetIdentityTests {
    @Test("a host joins with a token, gets its labels from it, and is then welcome")
    func joins() async throws {
        try await TestFleet.run { fleet in
            let (_, credentials) = try await fleet.join(
                "web-1",
                labels: ["role": "web"],
                services: ["checkout": "4520"]
            )
            let host = try #require(await fleet.gateway.hosts().first)
            #expect(host.id == credentials.id)
            #expect(host.name == "web-1")
            #expect(host.labels == ["role": "web"])
            #expect(host.services == [ServiceVersion(name: "checkout", version: "4520")])
            #expect(host.state == .connected)
            #expect(abs(host.skew?.inSeconds ?? 100) < 1)
            var events = fleet.gateway.events.makeAsyncIterator()
            guard case .connected(let reference)? = await events.next() else {
                Issue.record("expected the event of the connection")
                return
            }
            #expect(reference == host.reference)
        }
    }

    @Test("a certificate of another authority is refused, and the log says why and from where")
    func foreign() async throws {
        try await TestFleet.run { fleet in
            let other = try CertificateAuthority.create(name: "test", now: FleetClock.now())
            let agent = try await fleet.connect(fleet.credentials(of: other))
            #expect(await agent.isClosed())
            await eventually { fleet.log.contains("identity refused") }
            #expect(fleet.log.count("was not issued by this coordinator's authority") == 1)
            #expect(fleet.log.contains("address=127.0.0.1"))
            #expect(fleet.gateway.counts.identitiesRefused == 1)
        }
    }

    @Test("a certificate that expired too long ago is refused, and the log says when")
    func expiredLongAgo() async throws {
        try await TestFleet.run { fleet in
            let past = FleetClock.now() - .seconds(31 * 86_400)
            let agent = try await fleet.connect(fleet.credentials(at: past, life: .seconds(3600)))
            #expect(await agent.isClosed())
            await eventually { fleet.log.contains("identity refused") }
            #expect(fleet.log.count("too long ago to be renewed") == 1)
        }
    }

    @Test("with an expired certificate a known host may renew and nothing else; then it is welcome")
    func expired() async throws {
        try await TestFleet.run { fleet in
            let (first, credentials) = try await fleet.join("web-1")
            first.close()
            #expect(await eventually { fleet.gateway.hub.links[credentials.id] == nil })
            var old = credentials
            old.certificate = try fleet.certificate(
                for: credentials.key,
                at: FleetClock.now() - .seconds(7200)
            )
            let refused = try await fleet.connect(old)
            guard case .refused(let refusal)? = try await refused.hello() else {
                Issue.record("expected a refusal of Hello")
                return
            }
            #expect(refusal.renewalHelps)
            #expect(await refused.isClosed())

            let renewing = try await fleet.connect(old)
            try renewing.send(.renewRequest(request(credentials)))
            guard case .renewed(let renewed)? = await renewing.next() else {
                Issue.record("expected a new certificate")
                return
            }
            #expect(await renewing.isClosed())
            old.certificate = try Certificate(der: renewed.certificateBytes)
            #expect(old.certificate.publicKeyID == credentials.id)
            guard case .welcome? = try await fleet.connect(old).hello() else {
                Issue.record("expected to be welcome")
                return
            }
        }
    }

    @Test("an expired certificate does not help a stranger, a revoked host, or one in quarantine")
    func expiredAndNotTrusted() async throws {
        try await TestFleet.run { fleet in
            let past = FleetClock.now() - .seconds(7200)
            let stranger = try fleet.credentials(at: past, life: .seconds(3600))
            #expect(
                try await renewalRefusal(stranger, of: fleet).contains("not in this coordinator's record")
            )

            let (_, credentials) = try await fleet.join("web-1")
            let old = TestAgent.Credentials(
                key: credentials.key,
                certificate: try fleet.certificate(for: credentials.key, at: past)
            )
            #expect(fleet.gateway.hub.registry.quarantine(credentials.id, reason: "it lied"))
            #expect(try await renewalRefusal(old, of: fleet) == "in quarantine: it lied")
            try await fleet.gateway.revoke(credentials.id, reason: "stolen")
            #expect(try await renewalRefusal(old, of: fleet).contains("was revoked"))

            // Nor behind the back of the host that it is of.
            let (connected, its) = try await fleet.join("web-3")
            let copied = TestAgent.Credentials(
                key: its.key,
                certificate: try fleet.certificate(for: its.key, at: past)
            )
            #expect(try await renewalRefusal(copied, of: fleet).contains("is connected already"))
            connected.close()

            // Nor does a request for another key.
            let (leaving, others) = try await fleet.join("web-2")
            leaving.close()
            #expect(await eventually { fleet.gateway.hub.links[others.id] == nil })
            let wrong = TestAgent.Credentials(
                key: others.key,
                certificate: try fleet.certificate(for: others.key, at: past)
            )
            #expect(
                try await renewalRefusal(wrong, of: fleet, asking: request(credentials))
                    .contains("must be for the key that the agent has now")
            )
        }
    }

    private func request(_ credentials: TestAgent.Credentials) throws -> WireRenewRequest {
        WireRenewRequest(certificateRequest: try credentials.key.certificateRequest(name: "test"))
    }

    private func renewalRefusal(
        _ credentials: TestAgent.Credentials,
        of fleet: TestFleet,
        asking: WireRenewRequest? = nil
    ) async throws -> String {
        let agent = try await fleet.connect(credentials)
        try agent.send(.renewRequest(asking ?? request(credentials)))
        guard case .refused(let refused)? = await agent.next() else { return "not refused" }
        #expect(await agent.isClosed())
        return refused.reason
    }

    @Test(
        "while an authority is replaced both are trusted, agents are asked to renew, and then the old one is not"
    )
    func rotation() async throws {
        try await TestFleet.run({ $0.renewalSpacing = .milliseconds(1) }) { fleet in
            let (agent, credentials) = try await fleet.join("web-1")
            let present = fleet.gateway.hub.trust.identity
            let next = try CertificateAuthority.create(name: "next", now: FleetClock.now())
            try fleet.gateway.use(
                CoordinatorIdentity(
                    authority: present.authority,
                    next: next,
                    certificate: present.certificate,
                    key: present.key
                )
            )
            guard case .renewSoon(let soon)? = await agent.next() else {
                Issue.record("expected to be asked to renew")
                return
            }
            #expect(soon.withinMs == 1)
            try agent.send(.renewRequest(request(credentials)))
            guard case .renewed(let renewed)? = await agent.next() else {
                Issue.record("expected a new certificate")
                return
            }
            #expect(renewed.authorityBytes == [fleet.authority.certificate.der, next.certificate.der])
            var fresh = credentials
            fresh.certificate = try Certificate(der: renewed.certificateBytes)
            #expect(next.verifies(fresh.certificate))
            // Both work: who has renewed, and who has not.
            _ = try await fleet.join("web-2")
            agent.close()
            let back = try await fleet.connect(fresh)
            guard case .welcome? = try await back.hello() else {
                Issue.record("expected to be welcome")
                return
            }
            #expect(
                await eventually {
                    await fleet.gateway.hosts().first { $0.name == "web-1" }?.certificate?.authority
                        == next.certificate.publicKeyID
                }
            )
            // The old authority goes; a host of it is cut and one that comes with it refused.
            try fleet.gateway.use(
                CoordinatorIdentity(
                    authority: next,
                    certificate: next.issueCoordinator(
                        key: present.key,
                        names: ["127.0.0.1"],
                        now: FleetClock.now(),
                        life: .seconds(3600)
                    ),
                    key: present.key
                )
            )
            let states = await fleet.gateway.hosts().map(\.state)
            #expect(states == [.connected, .connected], "web-2 joined under the next one already")
            let late = try await TestAgent.secure(port: fleet.port, trusting: next, credentials: credentials)
            #expect(await late.isClosed())
            #expect(await eventually { fleet.log.contains("was not issued by this coordinator's authority") })
            let young = try await TestAgent.secure(port: fleet.port, trusting: next, credentials: nil)
            guard case .refused(let refused)? = try await young.hello() else {
                Issue.record("expected an answer to whoever trusts the next one")
                return
            }
            #expect(refused.reason.contains("no certificate was presented"))
        }
    }

    @Test("the coordinator's own certificate is no agent's")
    func server() async throws {
        try await TestFleet.run { fleet in
            let key = try TLSKey.generate()
            let now = FleetClock.now()
            let certificate = try fleet.authority.issueCoordinator(
                key: key,
                names: ["a"],
                now: now,
                life: .seconds(60)
            )
            let agent = try await fleet.connect(TestAgent.Credentials(key: key, certificate: certificate))
            #expect(await agent.isClosed())
            await eventually { fleet.log.contains("identity refused") }
            #expect(fleet.log.contains("is a coordinator's, not an agent's"))
        }
    }

    @Test("without a certificate nothing but a JoinRequest is allowed")
    func anonymous() async throws {
        try await TestFleet.run { fleet in
            let agent = try await fleet.connect(nil)
            guard case .refused(let refused)? = try await agent.hello() else {
                Issue.record("expected to be told why")
                return
            }
            #expect(refused.reason.contains("no certificate was presented"))
            #expect(await agent.isClosed())
            #expect(await eventually { fleet.log.contains("no certificate was presented") })
        }
    }

    @Test("a certificate of ours whose host never joined here is refused")
    func unknown() async throws {
        try await TestFleet.run { fleet in
            let agent = try await fleet.connect(fleet.credentials())
            guard case .refused(let refused)? = try await agent.hello() else {
                Issue.record("expected to be told why")
                return
            }
            #expect(refused.reason.contains("join again"))
            #expect(await agent.isClosed())
        }
    }

    @Test("a used token is refused to the second host, with the reason on both sides")
    func reused() async throws {
        try await TestFleet.run { fleet in
            let token = try await fleet.gateway.createToken(
                labels: [:],
                uses: 1,
                life: .seconds(60),
                by: "test"
            )
            var refusals: [String] = []
            for _ in 0..<2 {
                let agent = try await fleet.connect(nil)
                try agent.send(
                    .joinRequest(
                        WireJoinRequest(
                            tokenID: token.id,
                            secret: token.secret,
                            certificateRequest: TLSKey.generate().certificateRequest(name: "a"),
                            name: "a"
                        )
                    )
                )
                guard case .joinResult(let result)? = await agent.next() else {
                    Issue.record("expected an answer")
                    return
                }
                refusals.append(result.refusal)
                #expect(await agent.isClosed())
            }
            #expect(refusals[0].isEmpty)
            #expect(refusals[1].contains("is used up (1 of 1)"))
            #expect(fleet.log.contains("join refused"))
            #expect(fleet.log.contains("is used up (1 of 1)"))
            #expect(!fleet.log.all.contains { $0.contains(Base64.urlText(token.secret)) })
        }
    }

    @Test("a peer that speaks another protocol is refused")
    func protocols() async throws {
        try await TestFleet.run { fleet in
            let agent = try await TestAgent.secure(
                port: fleet.port,
                trusting: fleet.authority,
                credentials: nil,
                protocols: ["h2"]
            )
            #expect(await agent.isClosed())
            await eventually { fleet.log.contains("connection refused") }
            #expect(fleet.log.contains("expected muster/1"))
        }
    }

    @Test("a peer that speaks only TLS older than 1.3 is refused, and an older protocol is another one")
    func downgrades() async throws {
        try await TestFleet.run { fleet in
            let old = try await TestAgent.secure(
                port: fleet.port,
                trusting: fleet.authority,
                credentials: nil,
                newestTLS: .tlsv12
            )
            #expect(await old.isClosed())
            #expect(await eventually { fleet.log.count("TLS handshake failed") == 1 })
            let before = try await TestAgent.secure(
                port: fleet.port,
                trusting: fleet.authority,
                credentials: nil,
                protocols: ["muster/0"]
            )
            #expect(await before.isClosed())
            #expect(await eventually { fleet.log.contains("expected muster/1") })
        }
    }

    @Test("a revoked host is cut at once and stays out")
    func revoked() async throws {
        try await TestFleet.run { fleet in
            let (agent, credentials) = try await fleet.join("web-1")
            try await fleet.gateway.revoke(credentials.id, reason: "stolen")
            guard case .revoked(let revoked)? = await agent.next() else {
                Issue.record("expected to be told")
                return
            }
            #expect(revoked.reason == "stolen")
            #expect(await agent.isClosed())
            let again = try await fleet.connect(credentials)
            guard case .revoked? = try await again.hello() else {
                Issue.record("expected to stay out")
                return
            }
            #expect(await again.isClosed())
            #expect(await fleet.gateway.hosts().map(\.state) == [.revoked])
        }
    }

    @Test("a newer connection of one identity replaces an older one that says nothing any more")
    func replaces() async throws {
        try await TestFleet.run({ $0.challengeMax = .milliseconds(200) }) { fleet in
            let (older, credentials) = try await fleet.join("web-1")
            let newer = try await fleet.connect(credentials)
            guard case .welcome? = try await newer.hello() else {
                Issue.record("expected the newer to be welcome")
                return
            }
            #expect(await older.isClosed())
            #expect(await eventually { fleet.log.count("replaced by a newer connection") == 1 })
            #expect(await fleet.gateway.hosts().map(\.state) == [.connected])
            #expect(fleet.gateway.counts.replaced == 1)
        }
    }

    @Test("an older connection that ends while it is challenged makes room at once")
    func replacesTheDead() async throws {
        try await TestFleet.run({ $0.challengeMax = .seconds(600) }) { fleet in
            let (older, credentials) = try await fleet.join("web-1")
            let newer = try await fleet.connect(credentials)
            try newer.sayHello()
            guard case .challenge? = await older.next() else {
                Issue.record("expected a challenge")
                return
            }
            older.close()
            guard case .welcome? = await newer.next() else {
                Issue.record("expected the newer to be welcome")
                return
            }
            #expect(fleet.gateway.counts.contests == 1 && fleet.gateway.counts.clones == 0)
        }
    }

    @Test("two live connections of one identity are both cut, and the host stays out until it is released")
    func cloned() async throws {
        // The answer decides, not how long a full machine takes for it.
        try await TestFleet.run({ $0.challengeMax = .seconds(600) }) { fleet in
            let (older, credentials) = try await fleet.join("web-1")
            let newer = try await fleet.connect(credentials)
            try newer.sayHello()
            guard case .challenge(let challenge)? = await older.next() else {
                Issue.record("expected a challenge")
                return
            }
            // Not the nonce: says nothing.
            try older.send(.challengeReply(WireChallengeReply()))
            try older.send(.challengeReply(.with { $0.nonce = challenge.nonce }))
            for agent in [older, newer] {
                guard case .refused(let refused)? = await agent.next() else {
                    Issue.record("expected both to be told")
                    return
                }
                #expect(refused.reason.contains("its key was copied"))
                #expect(await agent.isClosed())
            }
            let host = try #require(await fleet.gateway.hosts().first)
            #expect(host.state == .quarantined && host.quarantine?.contains("its key was copied") == true)
            #expect(fleet.gateway.counts.clones == 1 && fleet.gateway.counts.quarantined == 1)
            let reply = await fleet.gateway.ask(.facts, of: [host.id], budget: QuestionBudget(), onReply: nil)
            #expect(reply.replies.map(\.outcome.kind) == [.unreachable])
            #expect(reply.replies.first?.outcome.reason.hasPrefix("in quarantine: ") == true)

            guard case .refused? = try await fleet.connect(credentials).hello() else {
                Issue.record("expected it to stay out")
                return
            }
            try await fleet.gateway.release(host.id)
            guard case .welcome? = try await fleet.connect(credentials).hello() else {
                Issue.record("expected it to be welcome again")
                return
            }
            #expect(await fleet.gateway.hosts().map(\.state) == [.connected])
        }
    }

    @Test("whoever waits for the place of a liar stays out too; a revocation ends the quarantine")
    func liesWhileChallenged() async throws {
        try await TestFleet.run({ $0.challengeMax = .seconds(600) }) { fleet in
            let (older, credentials) = try await fleet.join("web-1")
            let newer = try await fleet.connect(credentials)
            try newer.sayHello()
            guard case .challenge? = await older.next() else {
                Issue.record("expected a challenge")
                return
            }
            let nobodys = QuestionID(at: FleetClock.now())
            try older.send(.outcome(WireQuestionOutcome(Outcome(.ok), of: nobodys, chunks: 1)))
            #expect(await older.isClosed())
            #expect(await newer.isClosed())
            #expect(await fleet.gateway.hosts().map(\.state) == [.quarantined])
            try await fleet.gateway.revoke(credentials.id, reason: "stolen")
            let host = try #require(await fleet.gateway.hosts().first)
            #expect(host.state == .revoked && host.quarantine == nil)
            await #expect(throws: FleetError.self) { try await fleet.gateway.release(credentials.id) }
        }
    }

    @Test("quarantine outlives the coordinator")
    func quarantineIsKept() async throws {
        let store = try TestFleet.emptyStore()
        let token = FleetToken(
            id: "0123456789abcdef",
            labels: [:],
            uses: 1,
            created: .zero,
            expires: .zero + .seconds(60),
            creator: "test"
        )
        try await store.create(token, secret: [1])
        var host = FleetHost(id: SHA256.hash([7]), name: "web-1")
        host = try await store.join(host, token: token.id, secret: [1], at: .zero)
        host.quarantine = "it answered a question that it was not asked"
        try await store.save([host])
        #expect(try await store.hosts().map(\.state) == [.quarantined])
        host.quarantine = nil
        try await store.save([host])
        #expect(try await store.hosts().map(\.state) == [.disconnected])
    }

    @Test("a renewal is for the same key only")
    func renews() async throws {
        try await TestFleet.run { fleet in
            let (agent, credentials) = try await fleet.join("web-1")
            let same = try credentials.key.certificateRequest(name: "web-1")
            try agent.send(.renewRequest(WireRenewRequest(certificateRequest: same)))
            guard case .renewed(let renewed)? = await agent.next() else {
                Issue.record("expected a certificate")
                return
            }
            #expect(try Certificate(der: renewed.certificateBytes).agentID == credentials.id)
            let other = try TLSKey.generate().certificateRequest(name: "web-1")
            try agent.send(.renewRequest(WireRenewRequest(certificateRequest: other)))
            guard case .refused(let refused)? = await agent.next() else {
                Issue.record("expected a refusal")
                return
            }
            #expect(refused.reason.contains("the key that the agent has now"))
        }
    }
}
