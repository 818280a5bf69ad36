internal import COpenSSL
import MusterCore

/// Issues the certificates of agents and of the coordinator.
package final class CertificateAuthority: Sendable {
    /// Its own certificate, which agents and operators trust.
    package let certificate: Certificate
    /// Its private key; to be kept in a file that only the coordinator can read.
    package let key: TLSKey

    /// How far certificates reach back at most, for hosts whose clocks are slow; short ones a tenth of their life.
    package static let backdating = Duration.seconds(300)
    private static let life = Duration.seconds(3650 * 86_400)
    private static let requestBytesMax = 4 << 10

    /// Takes up an existing CA; throws when certificate and key do not belong together.
    package init(certificate: Certificate, key: TLSKey) throws(IdentityError) {
        guard certificate.isAuthority else {
            throw IdentityError(.unsupported, "the CA's certificate may not issue others: it is no CA")
        }
        guard certificate.publicKeyID == key.publicKeyID else {
            throw IdentityError(.malformed, "the CA's key does not belong to the CA's certificate")
        }
        self.certificate = certificate
        self.key = key
    }

    /// Makes a new CA with a life of ten years.
    package static func create(name: String, now: Timestamp) throws(IdentityError) -> CertificateAuthority {
        let key = try TLSKey.generate()
        let issuer = CertificateIssuer(
            commonName: name,
            subjectKey: key.handle.pointer,
            notBefore: now - backdating,
            notAfter: now + life,
            extensions: [
                (NID_basic_constraints, "critical,CA:TRUE,pathlen:0"),
                (NID_key_usage, "critical,keyCertSign,cRLSign"),
            ]
        )
        return try CertificateAuthority(certificate: issuer.issue(signedBy: key, issuer: nil), key: key)
    }

    /// Issues an agent's certificate for a PKCS #10 request in DER.
    ///
    /// Of the request only the key counts: P-256, with its owner's signature over the request. The subject
    /// and any extensions it asks for are ignored.
    package func issueAgent(
        request: [UInt8],
        now: Timestamp,
        life: Duration
    ) throws(IdentityError) -> Certificate {
        guard request.count <= Self.requestBytesMax else {
            throw IdentityError(.malformed, "a certificate request of \(request.count) bytes is too large")
        }
        OpenSSLErrors.clear()
        let parsed = Encoding.readingDER(
            request,
            { d2i_X509_REQ(nil, $0, $1) },
            free: { X509_REQ_free($0) }
        )
        guard let parsed else {
            let cause = OpenSSLErrors.drain().text
            throw IdentityError(.malformed, "not a certificate request in DER", cause: cause)
        }
        defer { X509_REQ_free(parsed) }
        guard let key = X509_REQ_get0_pubkey(parsed), let keyDER = Encoding.der({ i2d_PUBKEY(key, $0) }),
            KeyHandle.isP256(publicDER: keyDER)
        else {
            throw IdentityError(.unsupported, "the key of the certificate request is not on curve P-256")
        }
        guard X509_REQ_verify(parsed, key) == 1 else {
            let cause = OpenSSLErrors.drain().text
            throw IdentityError(
                .untrusted,
                "the certificate request is not signed by the key that it names",
                cause: cause
            )
        }
        let id = SHA256.hash(keyDER)
        return try issue(
            commonName: "muster agent \(id.short)",
            subjectKey: key,
            usage: "clientAuth",
            names: "URI:\(Certificate.agentURI(id))",
            now: now,
            life: life
        )
    }

    /// Issues a coordinator's certificate.
    ///
    /// `names` are the DNS names and IP addresses under which operators reach it; the first one becomes its
    /// common name.
    package func issueCoordinator(
        key: TLSKey,
        names: [String],
        now: Timestamp,
        life: Duration
    ) throws(IdentityError) -> Certificate {
        var alternatives = ["URI:\(Certificate.coordinatorURI)"]
        for name in names { alternatives.append(try Self.alternativeName(name)) }
        return try issue(
            commonName: names.first ?? "muster coordinator",
            subjectKey: key.handle.pointer,
            usage: "serverAuth",
            names: alternatives.joined(separator: ","),
            now: now,
            life: life
        )
    }

    /// Whether this CA issued the certificate.
    ///
    /// Says nothing about its validity in time, which the caller judges: an expired certificate may still
    /// renew.
    package func verifies(_ certificate: Certificate) -> Bool {
        defer { OpenSSLErrors.clear() }
        return !certificate.isAuthority
            && X509_check_issued(self.certificate.handle.pointer, certificate.handle.pointer) == X509_V_OK
            && X509_verify(certificate.handle.pointer, key.handle.pointer) == 1
    }

    private func issue(
        commonName: String,
        subjectKey: OpaquePointer,
        usage: String,
        names: String,
        now: Timestamp,
        life: Duration
    ) throws(IdentityError) -> Certificate {
        let issuer = CertificateIssuer(
            commonName: commonName,
            subjectKey: subjectKey,
            notBefore: now - min(Self.backdating, life * 0.1),
            // Nothing outlives the CA that vouches for it.
            notAfter: min(now + life, certificate.notAfter),
            extensions: [
                (NID_basic_constraints, "critical,CA:FALSE"),
                (NID_key_usage, "critical,digitalSignature"),
                (NID_ext_key_usage, usage),
                (NID_subject_alt_name, names),
            ]
        )
        return try issuer.issue(signedBy: key, issuer: certificate)
    }

    /// A name in the syntax of x509v3_config(5), checked because that syntax has separators of its own.
    private static func alternativeName(_ name: String) throws(IdentityError) -> String {
        if HostName.isAddress(name) { return "IP:\(name)" }
        guard HostName.isPlain(name) else {
            throw IdentityError(.malformed, "\"\(name.prefix(80))\" is neither a DNS name nor an IP address")
        }
        return "DNS:\(name)"
    }
}
