import MusterCore
import MusterIdentity
import MusterIncident

extension Evidence {
    /// Whether the agent that is named signed exactly this answer to exactly this question.
    ///
    /// Its identity is the digest of its key, so that nothing else is needed to tell; about 0.1 ms.
    package var isSigned: Bool {
        guard let key = Hex.bytes(of: publicKey), let signature = Hex.bytes(of: signature),
            SHA256.hash(key) == host.id
        else { return false }
        let signed = Sealing.evidenceBytes(question: question, agent: host.id, taken: taken, digest: digest)
        return TLSKey.verify(signature: signature, of: signed, publicKey: key)
    }
}
