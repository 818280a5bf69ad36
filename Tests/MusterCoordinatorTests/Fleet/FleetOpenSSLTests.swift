import Glibc
import MusterCore
import MusterIdentity
import MusterTesting
import MusterWire
import Testing

@testable import MusterCoordinator

@Suite("The agent's own TLS against the gateway", .timeLimit(.minutes(1)))
struct FleetOpenSSLTests {
    /// Sends one message over the agent's TLS and returns the first answer.
    private func exchange(
        _ body: WireEnvelope.OneOf_Body,
        _ configuration: TLSClientConfiguration,
        port: Int
    ) async throws -> WireEnvelope.OneOf_Body? {
        let descriptor = try #require(Loopback.connect(port: port))
        defer { close(descriptor) }
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
        let tls = try TLSClientConnection(context: TLSClientContext(configuration), descriptor: descriptor)
        defer { tls.close() }
        while try tls.handshake() != .done { try await Task.sleep(for: .milliseconds(1)) }
        var envelope = WireEnvelope(body)
        envelope.sequence = 1
        _ = try Frame.encode(envelope).withUnsafeBytes { try tls.write($0) }
        var decoder = FrameDecoder()
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        while true {
            switch try buffer.withUnsafeMutableBytes({ try tls.read(into: $0) }) {
            case .bytes(let count):
                decoder.append(buffer[..<count])
                if let envelope = try decoder.next() { return envelope.body }
            case .wantRead, .wantWrite: try await Task.sleep(for: .milliseconds(1))
            case .closed: return nil
            }
        }
    }

    private func join(_ fleet: TestFleet, key: TLSKey) async throws -> Certificate {
        let token = try await fleet.gateway.createToken(labels: [:], uses: 1, life: .seconds(60), by: "test")
        let request = WireJoinRequest(
            tokenID: token.id,
            secret: token.secret,
            certificateRequest: try key.certificateRequest(name: "web-1"),
            name: "web-1"
        )
        let pinned = TLSClientConfiguration(trust: .pin(token.pin))
        guard
            case .joinResult(let result)? = try await exchange(
                .joinRequest(request),
                pinned,
                port: fleet.port
            )
        else { throw FleetError(.refused, "no answer to the join") }
        #expect(result.refusal == "")
        #expect(result.authorityBytes == [fleet.authority.certificate.der])
        return try Certificate(der: result.certificateBytes)
    }

    @Test("a host joins by the pin of its token and is welcome with the certificate that it got")
    func joins() async throws {
        try await TestFleet.run { fleet in
            let key = try TLSKey.generate()
            let identity = TLSClientConfiguration.Identity(
                certificate: try await join(fleet, key: key),
                key: key
            )
            let mutual = TLSClientConfiguration(
                trust: .authorities([fleet.authority.certificate]),
                identity: identity
            )
            guard
                case .welcome(let welcome)? = try await exchange(
                    .hello(WireHello()),
                    mutual,
                    port: fleet.port
                )
            else {
                Issue.record("expected to be welcome")
                return
            }
            #expect(welcome.agentID == key.publicKeyID.description)
        }
    }

    @Test("a refused certificate shows on the agent's side with its reason")
    func refused() async throws {
        try await TestFleet.run { fleet in
            let other = try CertificateAuthority.create(name: "other", now: FleetClock.now())
            let past = FleetClock.now() - .seconds(40 * 86_400)
            let cases = [
                (try fleet.credentials(of: other), "was not issued by"),
                (try fleet.credentials(at: past), "too long ago to be renewed"),
            ]
            for (credentials, logged) in cases {
                let configuration = TLSClientConfiguration(
                    trust: .authorities([fleet.authority.certificate]),
                    identity: .init(certificate: credentials.certificate, key: credentials.key)
                )
                let error = await #expect(throws: IdentityError.self) {
                    _ = try await exchange(.hello(WireHello()), configuration, port: fleet.port)
                }
                #expect(error?.code == .refusedByPeer)
                #expect(
                    error?.message.contains("refused our certificate") == true,
                    "\(String(describing: error))"
                )
                #expect(await eventually { fleet.log.contains(logged) })
            }
        }
    }
}
