import MusterCore
import MusterIdentity
import MusterTesting
import Testing

@Suite struct CertificateTests {
    private let now = Timestamp(seconds: 1_795_000_000)
    private let week = Duration.seconds(7 * 86_400)

    @Test("An agent's certificate names its key, acts only as a client, and lasts as long as asked")
    func agent() throws {
        let authority = try CertificateAuthority.create(name: "Muster CA", now: now)
        let key = try TLSKey.generate()
        let request = try key.certificateRequest(name: "web-1")
        let certificate = try authority.issueAgent(request: request, now: now, life: week)
        #expect(certificate.publicKeyID == key.publicKeyID)
        #expect(certificate.agentID == key.publicKeyID)
        #expect(certificate.uris == ["muster://agent/\(key.publicKeyID)"])
        #expect(certificate.isClient && !certificate.isServer && !certificate.isCoordinator)
        #expect(certificate.notBefore == now - .seconds(300))
        #expect(certificate.notAfter == now + week)
        #expect(certificate.serial.count == 40)
        #expect(try Certificate(pem: certificate.pem) == certificate)
        #expect(authority.verifies(certificate))
        #expect(!authority.verifies(authority.certificate))
    }

    @Test("A coordinator's certificate acts only as a server, under the names given")
    func coordinator() throws {
        let authority = try CertificateAuthority.create(name: "Muster CA", now: now)
        let certificate = try authority.issueCoordinator(
            key: TLSKey.generate(),
            names: ["muster.example", "127.0.0.1", "::1"],
            now: now,
            life: week
        )
        #expect(certificate.isCoordinator && certificate.isServer && !certificate.isClient)
        #expect(certificate.agentID == nil)
        #expect(throws: IdentityError.self) {
            _ = try authority.issueCoordinator(
                key: TLSKey.generate(),
                names: ["a,URI:muster://agent/x"],
                now: now,
                life: week
            )
        }
    }

    @Test("Another CA's certificate and a changed one do not verify")
    func foreign() throws {
        let authority = try CertificateAuthority.create(name: "Muster CA", now: now)
        let other = try CertificateAuthority.create(name: "Muster CA", now: now)
        let request = try TLSKey.generate().certificateRequest(name: "web-1")
        let certificate = try authority.issueAgent(request: request, now: now, life: week)
        #expect(!other.verifies(certificate))
        var der = certificate.der
        der[der.count - 1] ^= 1
        let changed = try Certificate(der: der)
        #expect(!authority.verifies(changed))
        let again = try CertificateAuthority(
            certificate: Certificate(pem: authority.certificate.pem),
            key: TLSKey(pem: authority.key.pem)
        )
        #expect(again.verifies(certificate))
        #expect(throws: IdentityError.self) {
            _ = try CertificateAuthority(certificate: authority.certificate, key: other.key)
        }
    }

    @Test("A request that its key did not sign, or with trailing bytes, is refused")
    func request() throws {
        let authority = try CertificateAuthority.create(name: "Muster CA", now: now)
        var request = try TLSKey.generate().certificateRequest(name: "web-1")
        #expect(throws: IdentityError.self) {
            _ = try authority.issueAgent(request: request + [0], now: now, life: week)
        }
        request[request.count - 1] ^= 1
        #expect(throws: IdentityError.self) {
            _ = try authority.issueAgent(request: request, now: now, life: week)
        }
        #expect(throws: IdentityError.self) {
            _ = try authority.issueAgent(request: [], now: now, life: week)
        }
    }

    @Test("Nothing outlives its CA")
    func life() throws {
        let authority = try CertificateAuthority.create(name: "Muster CA", now: now)
        let late = authority.certificate.notAfter - .seconds(3600)
        let request = try TLSKey.generate().certificateRequest(name: "web-1")
        let certificate = try authority.issueAgent(request: request, now: late, life: week)
        #expect(certificate.notAfter == authority.certificate.notAfter)
    }

    @Test("OpenSSL's strict verification accepts what is issued, each for its purpose")
    func strict() throws {
        let directory = try TemporaryDirectory()
        let authority = try CertificateAuthority.create(name: "Muster CA", now: now)
        let request = try TLSKey.generate().certificateRequest(name: "web-1")
        let agent = try authority.issueAgent(request: request, now: now, life: week)
        let key = try TLSKey.generate()
        let coordinator = try authority.issueCoordinator(key: key, names: ["localhost"], now: now, life: week)
        let authorityPath = try directory.write("ca.pem", authority.certificate.pem)
        for (certificate, purpose, status) in [
            (agent, "sslclient", 0), (agent, "sslserver", 2), (coordinator, "sslserver", 0),
            (coordinator, "sslclient", 2),
        ] {
            let path = try directory.write("leaf.pem", certificate.pem)
            let verify = try ChildProcess(
                [
                    "openssl", "verify", "-x509_strict", "-attime", "1795000000", "-purpose", purpose,
                    "-CAfile", authorityPath, path,
                ],
                in: directory
            )
            #expect(try verify.waitForExit() == Int32(status), "\(verify.output)")
        }
    }
}
