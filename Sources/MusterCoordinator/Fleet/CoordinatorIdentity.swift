import MusterCore
import MusterIdentity

/// The keys and certificates of a coordinator as they are at a moment.
package struct CoordinatorIdentity: Sendable {
    /// Whose certificates of agents are taken: the authority that the coordinator's own certificate is of, and after it
    /// the one that follows, while an authority is being replaced.
    package let authorities: [CertificateAuthority]
    /// The coordinator's, issued by the first authority.
    package let certificate: Certificate
    /// Belongs to ``certificate``.
    package let key: TLSKey

    /// Takes keys that belong together.
    package init(
        authority: CertificateAuthority,
        next: CertificateAuthority? = nil,
        certificate: Certificate,
        key: TLSKey
    ) {
        self.authorities = [authority] + (next.map { [$0] } ?? [])
        self.certificate = certificate
        self.key = key
    }

    /// The authority that agents know the coordinator by.
    package var authority: CertificateAuthority { authorities[0] }

    /// The authority that signs new certificates of agents: the one that follows if there is one.
    package var issuer: CertificateAuthority { authorities[authorities.count - 1] }

    /// What agents are told to trust, in DER.
    var trusted: [[UInt8]] { authorities.map(\.certificate.der) }
}
