import Glibc
import MusterCore
import MusterIdentity
import MusterTesting
import Testing

@Suite struct TLSClientConnectionTests {
    private let directory: TemporaryDirectory
    private let authority: CertificateAuthority
    private let now: Timestamp
    private let day = Duration.seconds(86_400)

    init() throws {
        directory = try TemporaryDirectory()
        now = Timestamp(seconds: Double(time(nil)))
        authority = try CertificateAuthority.create(name: "Muster CA", now: now)
    }

    private func coordinator(at moment: Timestamp? = nil) throws -> (Certificate, TLSKey) {
        let key = try TLSKey.generate()
        let moment = moment ?? now
        return (try authority.issueCoordinator(key: key, names: ["localhost"], now: moment, life: day), key)
    }

    private func agent(at moment: Timestamp) throws -> TLSClientConfiguration.Identity {
        let key = try TLSKey.generate()
        let request = try key.certificateRequest(name: "web-1")
        return .init(
            certificate: try authority.issueAgent(request: request, now: moment, life: day),
            key: key
        )
    }

    private func expectRefusal(_ code: IdentityError.Code, _ text: String, _ body: () throws -> String) {
        #expect {
            let reply = try body()
            Issue.record("not refused: \(reply)")
        } throws: { error in
            guard let error = error as? IdentityError else { return false }
            if error.code != code || !error.message.contains(text) {
                Issue.record("\(error.code): \(error)")
            }
            return error.code == code && error.message.contains(text)
        }
    }

    @Test("A trusted coordinator and an accepted certificate make a connection that carries bytes")
    func mutual() throws {
        let (certificate, key) = try coordinator()
        let server = try TLSServer(certificate, key: key, clients: authority.certificate, in: directory)
        let trust = TLSClientConfiguration.Trust.authorities([authority.certificate])
        let reply = try server.exchange("muster", .init(trust: trust, identity: agent(at: now)))
        #expect(reply == "retsum\n")
    }

    @Test("For joining, a chain that ends in the pinned CA suffices, and only that")
    func pin() throws {
        let (certificate, key) = try coordinator()
        let server = try TLSServer(certificate, key: key, chain: [authority.certificate], in: directory)
        let pinned = TLSClientConfiguration(trust: .pin(authority.certificate.publicKeyID))
        #expect(try server.exchange("muster", pinned) == "retsum\n")
        expectRefusal(.untrusted, "no CA whose key has the digest") {
            try server.exchange("muster", .init(trust: .pin(certificate.publicKeyID)))
        }
        // The pinned CA in the chain of a certificate that another CA issued.
        let forger = try CertificateAuthority.create(name: "Muster CA", now: now)
        let forged = try forger.issueCoordinator(key: key, names: [], now: now, life: day)
        let second = try TLSServer(forged, key: key, chain: [authority.certificate], in: directory)
        expectRefusal(.untrusted, "not accepted") { try second.exchange("muster", pinned) }
    }

    @Test("A coordinator of another CA, an expired one and an agent posing as one are refused by name")
    func untrusted() throws {
        let (certificate, key) = try coordinator()
        let server = try TLSServer(certificate, key: key, in: directory)
        let other = try CertificateAuthority.create(name: "Other CA", now: now)
        expectRefusal(.untrusted, "a CA that this agent does not trust") {
            try server.exchange("muster", .init(trust: .authorities([other.certificate])))
        }
        expectRefusal(.untrusted, "a CA that this agent does not trust") {
            try server.exchange("muster", .init(trust: .authorities([])))
        }
        let trusting = TLSClientConfiguration(trust: .authorities([authority.certificate]))
        let (old, oldKey) = try coordinator(at: now - .seconds(3 * 86_400))
        let expired = try TLSServer(old, key: oldKey, in: directory)
        expectRefusal(.untrusted, "certificate has expired (valid ") {
            try expired.exchange("muster", trusting)
        }
        let host = try agent(at: now)
        let poser = try TLSServer(host.certificate, key: host.key, in: directory)
        expectRefusal(.untrusted, "not accepted") { try poser.exchange("muster", trusting) }
    }

    @Test("A refusal by the coordinator says what it found wrong with our certificate")
    func refused() throws {
        let (certificate, key) = try coordinator()
        let trust = TLSClientConfiguration.Trust.authorities([authority.certificate])
        let server = try TLSServer(certificate, key: key, clients: authority.certificate, in: directory)
        expectRefusal(.refusedByPeer, "refused our certificate: certificate expired") {
            try server.exchange("a", .init(trust: trust, identity: agent(at: now - .seconds(3 * 86_400))))
        }
        expectRefusal(.refusedByPeer, "wants a certificate and we have none") {
            try server.exchange("a", .init(trust: trust))
        }
        let other = try CertificateAuthority.create(name: "Other CA", now: now)
        let strict = try TLSServer(certificate, key: key, clients: other.certificate, in: directory)
        expectRefusal(.refusedByPeer, "refused our certificate: unknown CA") {
            try strict.exchange("a", .init(trust: trust, identity: agent(at: now)))
        }
    }

    @Test("A peer of another protocol or of older TLS is refused")
    func otherProtocol() throws {
        let (certificate, key) = try coordinator()
        let trusting = TLSClientConfiguration(trust: .authorities([authority.certificate]))
        let plain = try TLSServer(certificate, key: key, options: [], in: directory)
        expectRefusal(.protocolViolation, "does not speak muster/1") { try plain.exchange("a", trusting) }
        let web = try TLSServer(certificate, key: key, options: ["-alpn", "h2"], in: directory)
        expectRefusal(.refusedByPeer, "does not speak our protocol") { try web.exchange("a", trusting) }
        let old = try TLSServer(certificate, key: key, options: ["-tls1_2"], in: directory)
        expectRefusal(.refusedByPeer, "protocol version") { try old.exchange("a", trusting) }
    }
}
