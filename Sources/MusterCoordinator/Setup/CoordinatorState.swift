import Glibc
import MusterCore
import MusterIdentity

/// The files in the state directory of a coordinator.
///
///     ca.pem, ca.key                      the authority of this fleet: keep the key private and backed up
///     coordinator.pem, coordinator.key    the coordinator's own, made anew from the authority when it ages
///     names                               what it is reached by, one per line
///     muster.db                           the record
///     lock                                held while a coordinator runs
package struct CoordinatorState: Sendable {
    package let folder: String

    package init(folder: String) { self.folder = folder }

    /// Life of the coordinator's certificate, and how long before its end it is made anew at a start: every start
    /// gives a year, unless the last one was within a month.
    static let certificateLife = Duration.seconds(395 * 86_400)
    static let certificateMargin = Duration.seconds(365 * 86_400)

    package var database: String { "\(folder)/muster.db" }
    package var authorityFile: String { "\(folder)/ca.pem" }

    /// Keys and certificates, as they are used.
    package struct Identity: Sendable {
        package let authority: CertificateAuthority
        package let certificate: Certificate
        package let key: TLSKey
    }

    /// Whether ``create(names:at:)`` was done.
    package var exists: Bool { StateFile.exists(authorityFile) }

    /// Makes the authority and the coordinator's first certificate.
    ///
    /// - Parameters:
    ///   - names: DNS names and addresses that agents and operators dial.
    ///   - now: The wall clock.
    /// - Throws: ``StateFileError``, also when there is an authority already: it is never replaced.
    package func create(names: [String], at now: Timestamp) throws(StateFileError) {
        guard !exists else {
            throw StateFileError(
                message: "\(folder) holds an authority already; agents trust it, so it is kept"
            )
        }
        try StateFile.makeDirectory(folder)
        do throws(IdentityError) {
            let authority = try CertificateAuthority.create(name: "Muster CA", now: now)
            let key = try TLSKey.generate()
            let certificate = try authority.issueCoordinator(
                key: key,
                names: names,
                now: now,
                life: Self.certificateLife
            )
            try write(authority, certificate, key, names)
        } catch {
            throw StateFileError(message: "the authority can't be made: \(error.message)")
        }
    }

    private func write(
        _ authority: CertificateAuthority,
        _ certificate: Certificate,
        _ key: TLSKey,
        _ names: [String]
    ) throws(IdentityError) {
        do throws(StateFileError) {
            try StateFile.create("\(folder)/ca.key", authority.key.pem)
            try StateFile.create("\(folder)/coordinator.key", key.pem)
            try StateFile.create("\(folder)/coordinator.pem", certificate.pem, mode: 0o644)
            try StateFile.create("\(folder)/names", Array((names.joined(separator: "\n") + "\n").utf8))
            // Last: whoever sees it finds everything else.
            try StateFile.create(authorityFile, authority.certificate.pem, mode: 0o644)
        } catch {
            throw IdentityError(.malformed, error.message)
        }
    }

    /// Reads keys and certificates; a certificate that is not new any more is made anew.
    package func load(at now: Timestamp) throws(StateFileError) -> Identity {
        guard exists else {
            throw StateFileError(message: "\(folder) holds no authority; run muster-coordinator init first")
        }
        let bytesMax = 64 << 10
        let authorityPEM = try StateFile.read(authorityFile, bytesMax: bytesMax)
        let authorityKey = try StateFile.read("\(folder)/ca.key", bytesMax: bytesMax)
        let keyPEM = try StateFile.read("\(folder)/coordinator.key", bytesMax: bytesMax)
        let certificatePEM = try StateFile.read("\(folder)/coordinator.pem", bytesMax: bytesMax)
        let names = String(decoding: try StateFile.read("\(folder)/names", bytesMax: bytesMax), as: UTF8.self)
        do throws(IdentityError) {
            let authority = try CertificateAuthority(
                certificate: try Certificate(pem: authorityPEM),
                key: try TLSKey(pem: authorityKey)
            )
            let key = try TLSKey(pem: keyPEM)
            let certificate = try Certificate(pem: certificatePEM)
            if certificate.publicKeyID == key.publicKeyID, authority.verifies(certificate),
                certificate.notAfter > now + Self.certificateMargin
            {
                return Identity(authority: authority, certificate: certificate, key: key)
            }
            let fresh = try authority.issueCoordinator(
                key: key,
                names: names.split(separator: "\n").map(String.init),
                now: now,
                life: Self.certificateLife
            )
            return Identity(authority: authority, certificate: fresh, key: key)
        } catch {
            throw StateFileError(message: "the keys in \(folder) can't be used: \(error.message)")
        }
    }

    /// Holds the directory for this process until it ends.
    package func lock() throws(StateFileError) {
        let path = "\(folder)/lock"
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw StateFileError(message: "can't make \(path): \(String(cString: strerror(errno)))")
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            throw StateFileError(message: "another coordinator runs on \(folder)")
        }
    }
}
