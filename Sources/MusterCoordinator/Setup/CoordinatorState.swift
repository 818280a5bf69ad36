import Glibc
import MusterCore
import MusterIdentity

/// The files in the state directory of a coordinator.
///
///     ca.pem, ca.key                      the authority of this fleet: keep the key private and backed up
///     next-ca.pem, next-ca.key            the authority that follows it, between "rotate" and "finish"
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

    private static let bytesMax = 64 << 10

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
    package func load(at now: Timestamp) throws(StateFileError) -> CoordinatorIdentity {
        let authority = try authority("ca")
        let next = StateFile.exists("\(folder)/next-ca.pem") ? try self.authority("next-ca") : nil
        let keyPEM = try StateFile.readSecret("\(folder)/coordinator.key", bytesMax: Self.bytesMax)
        let certificatePEM = try StateFile.read("\(folder)/coordinator.pem", bytesMax: Self.bytesMax)
        let names = String(
            decoding: try StateFile.read("\(folder)/names", bytesMax: Self.bytesMax),
            as: UTF8.self
        )
        do throws(IdentityError) {
            let key = try TLSKey(pem: keyPEM)
            let certificate = try Certificate(pem: certificatePEM)
            if certificate.publicKeyID == key.publicKeyID, authority.verifies(certificate),
                certificate.notAfter > now + Self.certificateMargin
            {
                return CoordinatorIdentity(
                    authority: authority,
                    next: next,
                    certificate: certificate,
                    key: key
                )
            }
            let fresh = try authority.issueCoordinator(
                key: key,
                names: names.split(separator: "\n").map(String.init),
                now: now,
                life: Self.certificateLife
            )
            return CoordinatorIdentity(authority: authority, next: next, certificate: fresh, key: key)
        } catch {
            throw StateFileError(message: "the keys in \(folder) can't be used: \(error.message)")
        }
    }

    private func authority(_ name: String) throws(StateFileError) -> CertificateAuthority {
        guard exists else {
            throw StateFileError(message: "\(folder) holds no authority; run muster-coordinator init first")
        }
        let certificate = try StateFile.read("\(folder)/\(name).pem", bytesMax: Self.bytesMax)
        let key = try StateFile.readSecret("\(folder)/\(name).key", bytesMax: Self.bytesMax)
        do throws(IdentityError) {
            return try CertificateAuthority(
                certificate: try Certificate(pem: certificate),
                key: try TLSKey(pem: key)
            )
        } catch {
            throw StateFileError(message: "\(folder)/\(name).pem and .key can't be used: \(error.message)")
        }
    }

    // MARK: Replacing the authority

    /// Makes the authority that shall follow; both are trusted until ``finishRotation()``.
    ///
    /// A running coordinator takes it up by itself.
    ///
    /// - Returns: The certificate of the new one.
    package func rotate(at now: Timestamp) throws(StateFileError) -> Certificate {
        _ = try authority("ca")
        guard !StateFile.exists("\(folder)/next-ca.pem") else {
            throw StateFileError(message: "an authority is being replaced already; finish that first")
        }
        do throws(IdentityError) {
            let next = try CertificateAuthority.create(name: "Muster CA", now: now)
            do throws(StateFileError) {
                // Left from an attempt that was cut short.
                StateFile.remove("\(folder)/next-ca.key")
                try StateFile.create("\(folder)/next-ca.key", next.key.pem)
                try StateFile.create("\(folder)/next-ca.pem", next.certificate.pem, mode: 0o644)
            } catch {
                throw IdentityError(.malformed, error.message)
            }
            return next.certificate
        } catch {
            throw StateFileError(message: "the next authority can't be made: \(error.message)")
        }
    }

    /// Puts the authority that follows in the place of the old one, which is gone then.
    package func finishRotation() throws(StateFileError) {
        guard StateFile.exists("\(folder)/next-ca.pem") else {
            throw StateFileError(message: "no authority is being replaced")
        }
        // The certificate last: a finish that was cut short is recognised by its being there still.
        if StateFile.exists("\(folder)/next-ca.key") {
            try StateFile.rename("\(folder)/next-ca.key", to: "\(folder)/ca.key")
        }
        try StateFile.rename("\(folder)/next-ca.pem", to: authorityFile)
    }

    /// Completes a ``finishRotation()`` that a crash cut short.
    package func repair() throws(StateFileError) {
        guard StateFile.exists("\(folder)/next-ca.pem"), !StateFile.exists("\(folder)/next-ca.key"),
            let key = try? TLSKey(pem: StateFile.readSecret("\(folder)/ca.key", bytesMax: Self.bytesMax)),
            let next = try? Certificate(
                pem: StateFile.read("\(folder)/next-ca.pem", bytesMax: Self.bytesMax)
            ),
            next.publicKeyID == key.publicKeyID
        else { return }
        try finishRotation()
    }

    /// What changes when any file of the identity changes.
    var identityStamp: [String] {
        ["ca.pem", "ca.key", "next-ca.pem", "next-ca.key", "coordinator.pem", "coordinator.key", "names"].map
        {
            StateFile.stamp("\(folder)/\($0)")
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
