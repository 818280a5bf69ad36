internal import COpenSSL
import MusterCore

/// How an agent connects: whom it trusts and who it is.
package struct TLSClientConfiguration: Sendable {
    /// What makes a coordinator's certificate acceptable.
    package enum Trust: Sendable {
        /// It was issued by one of these CAs; several while the CA rotates.
        case authorities([Certificate])
        /// It was issued by a self-signed CA in the presented chain whose key has this digest; for joining.
        case pin(Digest)
    }

    package var trust: Trust
    /// The agent's own; nil for joining.
    package var identity: Identity?
    /// The one protocol offered; the peer must choose it.
    package var protocolName = "muster/1"

    /// A certificate and the key that it is for.
    package struct Identity: Sendable {
        package var certificate: Certificate
        package var key: TLSKey

        package init(certificate: Certificate, key: TLSKey) {
            self.certificate = certificate
            self.key = key
        }
    }

    package init(trust: Trust, identity: Identity? = nil) {
        self.trust = trust
        self.identity = identity
    }
}

/// What all connections of one configuration share.
///
/// `@unchecked Sendable`: the context of OpenSSL is set up in `init` and then only read; OpenSSL counts its
/// users atomically.
package final class TLSClientContext: @unchecked Sendable {
    let pointer: OpaquePointer
    let configuration: TLSClientConfiguration
    private let socketMethod: OpaquePointer

    /// Throws when the identity's key and certificate do not belong together.
    package init(_ configuration: TLSClientConfiguration) throws(IdentityError) {
        OpenSSLErrors.clear()
        guard let method = muster_socket_method() else { throw .library("no TLS context could be made") }
        guard let pointer = SSL_CTX_new(TLS_client_method()) else {
            BIO_meth_free(method)
            throw .library("no TLS context could be made")
        }
        self.configuration = configuration
        self.socketMethod = method
        self.pointer = pointer
        guard muster_require_tls13(pointer) == 1 else { throw .library("this OpenSSL can't do TLS 1.3") }
        muster_set_modes(pointer)
        SSL_CTX_set_verify(pointer, SSL_VERIFY_PEER, nil)
        SSL_CTX_set_cert_verify_callback(pointer, verifyCoordinator, nil)
        try offerProtocol()
        try useIdentity()
    }

    deinit {
        SSL_CTX_free(pointer)
        BIO_meth_free(socketMethod)
    }

    func attach(_ connection: OpaquePointer, to descriptor: Int32) -> Bool {
        muster_attach(connection, socketMethod, descriptor) == 1
    }

    private func offerProtocol() throws(IdentityError) {
        let name = Array(configuration.protocolName.utf8)
        guard (1...255).contains(name.count) else {
            throw IdentityError(.malformed, "a protocol name has 1 to 255 bytes")
        }
        let list = [UInt8(name.count)] + name
        // Unlike its neighbours this function returns 0 when it is done.
        guard SSL_CTX_set_alpn_protos(pointer, list, UInt32(list.count)) == 0 else {
            throw .library("the protocol \(configuration.protocolName) could not be offered")
        }
    }

    private func useIdentity() throws(IdentityError) {
        guard let identity = configuration.identity else { return }
        guard SSL_CTX_use_certificate(pointer, identity.certificate.handle.pointer) == 1,
            SSL_CTX_use_PrivateKey(pointer, identity.key.handle.pointer) == 1,
            SSL_CTX_check_private_key(pointer) == 1
        else {
            let cause = OpenSSLErrors.drain().text
            throw IdentityError(
                .malformed,
                "the agent's certificate does not belong to its key",
                cause: cause
            )
        }
    }
}
