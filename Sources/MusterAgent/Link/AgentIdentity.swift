import MusterCore
import MusterIdentity

/// Who the agent is and whom it trusts: the files of its state folder.
///
/// `agent.key` (mode 0600, made here, never sent), `agent.crt` and `ca.crt`. A renewed certificate is a
/// candidate (`*.candidate`) until a connection with it was welcomed; then it takes the place of the old one.
struct AgentIdentity {
    static let keyName = "agent.key"
    static let certificateName = "agent.crt"
    static let authoritiesName = "ca.crt"

    /// A certificate with the authorities that came with it.
    struct Credentials {
        var certificate: Certificate
        var authorities: [Certificate]
    }

    let folder: String
    let key: TLSKey
    private(set) var current: Credentials
    private(set) var candidate: Credentials?

    var id: AgentID { key.publicKeyID }

    /// Reads the state folder of a host that has joined.
    init(folder: String) throws(AgentError) {
        let key: TLSKey
        let bytes = try SafeFile.readSecret("\(folder)/\(Self.keyName)")
        guard let bytes else {
            throw AgentError(
                .configuration,
                "\(folder)/\(Self.keyName) is missing: this host has not joined; run \"muster-agent join\" first"
            )
        }
        do {
            key = try TLSKey(pem: bytes)
        } catch {
            throw AgentError(.configuration, "\(folder)/\(Self.keyName): \(error.message)", cause: error)
        }
        guard let current = try Self.read(folder, suffix: "", key: key) else {
            throw AgentError(
                .configuration,
                "\(folder) holds a key but no certificate: run \"muster-agent join\" with a new token"
            )
        }
        self.folder = folder
        self.key = key
        self.current = current
        // A candidate that can't be read is no loss: the old one still works, and renewal is asked for again.
        self.candidate = try? Self.read(folder, suffix: ".candidate", key: key)
    }

    /// What to connect with: the candidate first.
    var preferred: Credentials { candidate ?? current }

    /// When to ask for a new certificate: at two thirds of the life of the one in use.
    var renewalDue: Timestamp {
        let certificate = preferred.certificate
        return certificate.notBefore + (certificate.notAfter - certificate.notBefore) * 2 / 3
    }

    /// How to connect.
    func configuration() -> TLSClientConfiguration {
        let credentials = preferred
        return TLSClientConfiguration(
            trust: .authorities(credentials.authorities),
            identity: TLSClientConfiguration.Identity(certificate: credentials.certificate, key: key)
        )
    }

    /// Keeps a renewed certificate as the candidate.
    mutating func renewed(certificate der: [UInt8], authorities: [[UInt8]], now: Timestamp) throws(AgentError)
    {
        let credentials = try Self.check(certificate: der, authorities: authorities, key: key, now: now)
        try Self.write(credentials, folder: folder, suffix: ".candidate")
        candidate = credentials
    }

    /// A connection with the candidate was welcomed: it is the certificate from now on.
    mutating func confirm() throws(AgentError) {
        guard let candidate else { return }
        try SafeFile.rename(
            "\(folder)/\(Self.authoritiesName).candidate",
            to: "\(folder)/\(Self.authoritiesName)"
        )
        try SafeFile.rename(
            "\(folder)/\(Self.certificateName).candidate",
            to: "\(folder)/\(Self.certificateName)"
        )
        current = candidate
        self.candidate = nil
    }

    /// The coordinator did not take the candidate: back to the certificate that it knows.
    mutating func dropCandidate() {
        candidate = nil
        SafeFile.remove("\(folder)/\(Self.certificateName).candidate")
        SafeFile.remove("\(folder)/\(Self.authoritiesName).candidate")
    }

    /// Stores what a join brought.
    static func store(
        certificate der: [UInt8],
        authorities: [[UInt8]],
        key: TLSKey,
        folder: String,
        now: Timestamp
    ) throws(AgentError) -> Certificate {
        let credentials = try check(certificate: der, authorities: authorities, key: key, now: now)
        try write(credentials, folder: folder, suffix: "")
        return credentials.certificate
    }

    private static func check(
        certificate der: [UInt8],
        authorities: [[UInt8]],
        key: TLSKey,
        now: Timestamp
    ) throws(AgentError) -> Credentials {
        do throws(IdentityError) {
            let certificate = try Certificate(der: der)
            guard certificate.publicKeyID == key.publicKeyID, certificate.agentID == key.publicKeyID else {
                throw IdentityError(.untrusted, "the certificate is not for this host's key")
            }
            guard certificate.isValid(at: now) else {
                throw IdentityError(
                    .untrusted,
                    "the certificate is valid from \(certificate.notBefore) to \(certificate.notAfter), "
                        + "and this host's clock says \(now)"
                )
            }
            var parsed: [Certificate] = []
            for authority in authorities { parsed.append(try Certificate(der: authority)) }
            guard !parsed.isEmpty, parsed.allSatisfy(\.isAuthority) else {
                throw IdentityError(.untrusted, "no CA certificate came with it")
            }
            return Credentials(certificate: certificate, authorities: parsed)
        } catch {
            throw AgentError(
                .refused,
                "the coordinator's certificate for this host is no good: \(error.message)"
            )
        }
    }

    private static func write(
        _ credentials: Credentials,
        folder: String,
        suffix: String
    ) throws(AgentError) {
        let authorities = credentials.authorities.flatMap(\.pem)
        try SafeFile.write("\(folder)/\(authoritiesName)\(suffix)", authorities, mode: 0o644)
        try SafeFile.write("\(folder)/\(certificateName)\(suffix)", credentials.certificate.pem, mode: 0o644)
    }

    private static func read(
        _ folder: String,
        suffix: String,
        key: TLSKey
    ) throws(AgentError) -> Credentials? {
        guard
            let certificate = try SafeFile.read("\(folder)/\(certificateName)\(suffix)", bytesMax: 64 << 10),
            let authorities = try SafeFile.read("\(folder)/\(authoritiesName)\(suffix)", bytesMax: 64 << 10)
        else { return nil }
        do throws(IdentityError) {
            let credentials = Credentials(
                certificate: try Certificate(pem: certificate),
                authorities: try Certificate.list(pem: authorities)
            )
            guard credentials.certificate.publicKeyID == key.publicKeyID else {
                throw IdentityError(
                    .malformed,
                    "\(certificateName)\(suffix) is not for the key in \(keyName)"
                )
            }
            return credentials
        } catch {
            throw AgentError(.configuration, "\(folder): \(error.message)", cause: error)
        }
    }
}
