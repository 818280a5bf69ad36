import Glibc
import MusterCore
import MusterIdentity
import MusterWire

/// Gets a host its first certificate: makes the key here, and trades a join token for a certificate.
///
/// Trusts only a coordinator whose certificate hangs on the CA that the token pins. Blocks until it is done.
package struct HostJoin {
    /// Longest time for one attempt.
    static let attemptMax: Duration = .seconds(20)

    private let coordinator: Endpoint
    private let token: JoinToken
    private let name: String
    private let folder: String

    package init(coordinator: Endpoint, token: JoinToken, name: String, folder: String) {
        self.coordinator = coordinator
        self.token = token
        self.name = name
        self.folder = folder
    }

    /// Joins, trying again for up to `patience` while the coordinator can't be reached.
    ///
    /// Leaves `agent.key`, `agent.crt`, `ca.crt` and `joined` in the state folder. A key that is already there
    /// is kept: the host stays who it is.
    package func run(patience: Duration = .seconds(30)) throws(AgentError) -> AgentID {
        try SafeFile.makeFolder(folder)
        let key = try hostKey()
        let start = Moment.monotonic()
        while true {
            do throws(AgentError) {
                try join(with: key)
                return key.publicKeyID
            } catch {
                guard error.code == .unavailable, Moment.monotonic() - start < patience else { throw error }
                usleep(UInt32.random(in: 200_000..<2_000_000))
            }
        }
    }

    private func hostKey() throws(AgentError) -> TLSKey {
        let path = "\(folder)/\(AgentIdentity.keyName)"
        do throws(IdentityError) {
            if let bytes = try Self.existing(path) { return try TLSKey(pem: bytes) }
        } catch {
            throw AgentError(.configuration, "\(path): \(error.message)", cause: error)
        }
        let key: TLSKey
        do throws(IdentityError) {
            key = try TLSKey.generate()
        } catch {
            throw AgentError(.system, error.description, cause: error)
        }
        // Before anything is asked for: a certificate without its key would be worth nothing.
        try SafeFile.write(path, key.pem, mode: 0o600)
        return key
    }

    private static func existing(_ path: String) throws(IdentityError) -> [UInt8]? {
        do throws(AgentError) {
            return try SafeFile.readSecret(path)
        } catch {
            throw IdentityError(.malformed, error.message)
        }
    }

    private func join(with key: TLSKey) throws(AgentError) {
        let result = try ask(key)
        guard result.refusal.isEmpty, !result.certificate.isEmpty else {
            throw AgentError(
                result.retryCanHelp ? .unavailable : .refused,
                "the coordinator refused the join: \(result.refusal)"
            )
        }
        let authorities = result.authorityBytes
        guard authorities.contains(where: { (try? Certificate(der: $0))?.publicKeyID == token.pin }) else {
            throw AgentError(.refused, "the coordinator's CA is not the one that the token names")
        }
        _ = try AgentIdentity.store(
            certificate: result.certificateBytes,
            authorities: authorities,
            key: key,
            folder: folder,
            now: Moment.wall()
        )
        // A host that joins again keeps its ledger, or goes on without one that was lost: only root may begin it anew.
        if try JoinRecord.read(folder: folder) == nil {
            _ = try LedgerFile.begin(folder: folder, reason: "joined \(coordinator)", now: Moment.wall())
        }
        try JoinRecord(coordinator: coordinator, hostName: name).write(folder: folder)
    }

    /// One connection, one question, one answer.
    private func ask(_ key: TLSKey) throws(AgentError) -> WireJoinResult {
        let request: WireJoinRequest
        let context: TLSClientContext
        do throws(IdentityError) {
            request = WireJoinRequest(
                tokenID: token.id,
                secret: token.secret,
                certificateRequest: try key.certificateRequest(name: name),
                name: name
            )
            context = try TLSClientContext(TLSClientConfiguration(trust: .pin(token.pin)))
        } catch {
            throw AgentError(.system, error.description, cause: error)
        }
        let loop = try EventLoop()
        var failure = AgentError(.unavailable, "\(coordinator) has no address")
        for address in try SocketAddress.resolve(coordinator) {
            let connection: LinkConnection
            do throws(AgentError) {
                connection = try LinkConnection(
                    to: address,
                    serverName: coordinator.host,
                    context: context,
                    loop: loop
                )
            } catch {
                failure = error
                continue
            }
            defer { connection.shut() }
            switch Self.exchange(.joinRequest(request), over: connection, on: loop) {
            case .success(let result):
                do throws(WireError) {
                    try result.checkLimits()
                } catch {
                    throw AgentError(.refused, error.message)
                }
                return result
            case .failure(let error) where error.code == .unavailable: failure = error
            case .failure(let error): throw error
            }
        }
        throw failure
    }

    private static func exchange(
        _ body: WireEnvelope.OneOf_Body,
        over connection: LinkConnection,
        on loop: EventLoop
    ) -> Result<WireJoinResult, AgentError> {
        var outcome: Result<WireJoinResult, AgentError>?
        var counter = EnvelopeCounter()
        var isSent = false
        connection.onSecured = {}
        connection.nextFrame = {
            guard !isSent else { return nil }
            isSent = true
            var envelope = WireEnvelope(body)
            counter.stamp(&envelope)
            return try? Frame.encode(envelope)
        }
        connection.onEnvelope = { envelope in
            guard outcome == nil, (try? counter.accept(envelope)) != nil else { return }
            switch envelope.body {
            case .joinResult(let result): outcome = .success(result)
            case .refused(let refused):
                outcome = .failure(
                    AgentError(.refused, "the coordinator refused the join: \(refused.reason)")
                )
            case .retryAfter(let later):
                outcome = .failure(AgentError(.unavailable, "the coordinator is busy: \(later.reason)"))
            default: break
            }
        }
        connection.onEnd = { end in
            guard outcome == nil else { return }
            outcome = .failure(AgentError(end.loss == .transient ? .unavailable : .refused, end.reason))
        }
        let deadline = Moment.monotonic() + attemptMax
        while outcome == nil {
            let left = deadline - Moment.monotonic()
            guard left > .zero else {
                return .failure(
                    AgentError(.unavailable, "the coordinator did not answer within \(attemptMax.spoken)")
                )
            }
            loop.wait(atMost: left)
        }
        return outcome ?? .failure(AgentError(.unavailable, "the coordinator did not answer"))
    }
}
