import MusterCore

/// An answer of a host that findings rest on: kept by the digest of its bytes, and signed by the agent that gave it.
package struct Evidence: Hashable, Sendable, Codable {
    /// SHA-256 of the answer's bytes.
    package var digest: Digest
    /// How many there are.
    package var bytes: Int
    package var question: QuestionID
    /// The probe's word: what was asked for.
    package var probe: String
    package var host: HostReference
    /// By the host's clock.
    package var taken: Timestamp
    /// SubjectPublicKeyInfo in DER, in hexadecimal digits; its SHA-256 is the host's identity.
    package var publicKey: String
    /// The agent's signature, in hexadecimal digits.
    package var signature: String
    /// What rests on it.
    package var findings: [FindingID]

    package init(
        digest: Digest,
        bytes: Int,
        question: QuestionID,
        probe: String,
        host: HostReference,
        taken: Timestamp,
        publicKey: String,
        signature: String,
        findings: [FindingID]
    ) {
        self.digest = digest
        self.bytes = bytes
        self.question = question
        self.probe = probe
        self.host = host
        self.taken = taken
        self.publicKey = publicKey
        self.signature = signature
        self.findings = findings
    }
}
