internal import COpenSSL
import Glibc
import MusterCore

/// What a handshake needs next.
package enum TLSHandshakeStep: Hashable, Sendable {
    /// Call again when the descriptor can be read.
    case wantRead
    /// Call again when the descriptor can be written.
    case wantWrite
    case done
}

/// What came of reading or writing.
package enum TLSTransfer: Hashable, Sendable {
    /// So many bytes were moved; at least one.
    case bytes(Int)
    /// Nothing was moved; call again when the descriptor can be read.
    case wantRead
    /// Nothing was moved; call again when the descriptor can be written.
    case wantWrite
    /// The peer ended the connection.
    case closed
}

/// The agent's side of one TLS 1.3 connection over a non-blocking socket.
///
/// It never waits: each call does what it can and says what it needs. Not `Sendable`; whoever owns the socket
/// owns it, closes the descriptor after it, and keeps that open as long as it lives. After an error only
/// ``close()`` makes sense. Idle it holds no buffers.
package final class TLSClientConnection {
    private let context: TLSClientContext
    private let pointer: OpaquePointer
    private var handshakeDone = false
    private var broken = false
    /// Why the coordinator's certificate was not accepted; set in the handshake.
    var objection: String?

    var trust: TLSClientConfiguration.Trust { context.configuration.trust }

    /// Prepares a connection; `serverName` is sent as SNI when it is a DNS name.
    package init(
        context: TLSClientContext,
        descriptor: Int32,
        serverName: String? = nil
    ) throws(IdentityError) {
        OpenSSLErrors.clear()
        guard let pointer = SSL_new(context.pointer) else {
            throw .library("no TLS connection could be made")
        }
        self.context = context
        self.pointer = pointer
        guard context.attach(pointer, to: descriptor) else {
            throw .library("no TLS connection could be made")
        }
        if let serverName, !HostName.isAddress(serverName) {
            _ = muster_set_server_name(pointer, serverName)
        }
        // Unretained: OpenSSL's object does not outlive this one, and calls back only inside `handshake`.
        SSL_set_ex_data(pointer, 0, Unmanaged.passUnretained(self).toOpaque())
        SSL_set_connect_state(pointer)
    }

    /// Prepares a connection with a context of its own.
    package convenience init(
        configuration: TLSClientConfiguration,
        descriptor: Int32,
        serverName: String? = nil
    ) throws(IdentityError) {
        try self.init(
            context: TLSClientContext(configuration),
            descriptor: descriptor,
            serverName: serverName
        )
    }

    deinit { SSL_free(pointer) }

    /// Goes on with the handshake.
    ///
    /// When it is done the coordinator is who we trust and speaks our protocol. Whether the coordinator
    /// accepted *our* certificate only shows in the first ``read(into:)``: TLS 1.3 has it that way.
    package func handshake() throws(IdentityError) -> TLSHandshakeStep {
        guard !handshakeDone else { return .done }
        OpenSSLErrors.clear()
        let result = SSL_do_handshake(pointer)
        let reason = errno
        guard result != 1 else {
            try checkProtocol()
            handshakeDone = true
            return .done
        }
        switch SSL_get_error(pointer, result) {
        case SSL_ERROR_WANT_READ: return .wantRead
        case SSL_ERROR_WANT_WRITE: return .wantWrite
        case SSL_ERROR_ZERO_RETURN:
            throw IdentityError(
                .disconnected,
                "the coordinator ended the connection during the TLS handshake"
            )
        case let kind: throw failure(kind, errno: reason, doing: "the TLS handshake")
        }
    }

    /// Reads what is there into the buffer, which must not be empty.
    ///
    /// Call until it wants something: bytes may wait inside TLS while the descriptor shows none. Throws
    /// `refusedByPeer` when the coordinator did not accept our certificate.
    package func read(into buffer: UnsafeMutableRawBufferPointer) throws(IdentityError) -> TLSTransfer {
        var count = 0
        OpenSSLErrors.clear()
        let result = SSL_read_ex(pointer, buffer.baseAddress, buffer.count, &count)
        let reason = errno
        return try outcome(result, count, errno: reason, doing: "reading")
    }

    /// Writes the beginning of the bytes, which must not be empty.
    ///
    /// After `wantRead` or `wantWrite` the same bytes must come first again, from wherever they now are.
    package func write(_ bytes: UnsafeRawBufferPointer) throws(IdentityError) -> TLSTransfer {
        var count = 0
        OpenSSLErrors.clear()
        let result = SSL_write_ex(pointer, bytes.baseAddress, bytes.count, &count)
        let reason = errno
        return try outcome(result, count, errno: reason, doing: "writing")
    }

    /// Says goodbye to the peer, as far as the socket takes it; the descriptor stays open.
    package func close() {
        guard handshakeDone, !broken else { return }
        broken = true
        OpenSSLErrors.clear()
        SSL_shutdown(pointer)
        OpenSSLErrors.clear()
    }

    /// The certificate that the coordinator presented; nil before the handshake.
    package var peer: Certificate? {
        guard let presented = SSL_get0_peer_certificate(pointer) else { return nil }
        return try? Certificate(CertificateHandle(sharing: presented))
    }

    private func outcome(
        _ result: Int32,
        _ count: Int,
        errno reason: Int32,
        doing what: String
    ) throws(IdentityError) -> TLSTransfer {
        guard result != 1 else { return .bytes(count) }
        switch SSL_get_error(pointer, result) {
        case SSL_ERROR_WANT_READ: return .wantRead
        case SSL_ERROR_WANT_WRITE: return .wantWrite
        case SSL_ERROR_ZERO_RETURN: return .closed
        case let kind: throw failure(kind, errno: reason, doing: what)
        }
    }

    private func checkProtocol() throws(IdentityError) {
        var start: UnsafePointer<UInt8>?
        var count: UInt32 = 0
        SSL_get0_alpn_selected(pointer, &start, &count)
        let chosen = UnsafeBufferPointer(start: start, count: Int(count))
        guard chosen.elementsEqual(context.configuration.protocolName.utf8) else {
            broken = true
            throw IdentityError(
                .protocolViolation,
                "the peer does not speak \(context.configuration.protocolName); is this the agents' port?"
            )
        }
    }

    private func failure(_ kind: Int32, errno reason: Int32, doing what: String) -> IdentityError {
        broken = true
        let errors = OpenSSLErrors.drain()
        if let objection {
            return IdentityError(.untrusted, "the coordinator's certificate is not accepted: \(objection)")
        }
        if let alert = errors.alert { return Self.refusal(alert, doing: what) }
        if errors.isUnexpectedEnd || (kind == SSL_ERROR_SYSCALL && reason == 0) {
            return IdentityError(.disconnected, "the coordinator closed the connection while \(what)")
        }
        if kind == SSL_ERROR_SYSCALL {
            let cause = strerror(reason).map { String(cString: $0) } ?? "error \(reason)"
            return IdentityError(.disconnected, "the connection failed while \(what)", cause: cause)
        }
        return IdentityError(.protocolViolation, "TLS failed while \(what)", cause: errors.text)
    }

    private static func refusal(_ alert: Int32, doing what: String) -> IdentityError {
        let name = SSL_alert_desc_string_long(alert).map { String(cString: $0) } ?? "alert \(alert)"
        // RFC 8446, section 6.2: 42 to 46, 48 and 116 are about the certificate of whoever is told.
        switch alert {
        case 42...46, 48:
            return IdentityError(.refusedByPeer, "the coordinator refused our certificate: \(name)")
        case 116:
            return IdentityError(.refusedByPeer, "the coordinator wants a certificate and we have none")
        case 120:
            return IdentityError(.refusedByPeer, "the peer does not speak our protocol: \(name)")
        default:
            return IdentityError(
                .refusedByPeer,
                "the coordinator ended the TLS session while \(what): \(name)"
            )
        }
    }
}
