import Logging
import MusterCore
import MusterIdentity
import MusterWire

/// Issues certificates: to hosts that join with a token, and to agents that renew.
///
/// Works off the event loops, because it signs and writes to the database. Requests wait in a bounded queue.
struct CertificateDesk: Sendable {
    /// One request, with where its answer goes.
    enum Request: Sendable {
        case join(WireJoinRequest, address: String, reply: @Sendable (WireJoinResult) -> Void)
        case renew(Renewal)
    }

    /// An agent that has proved to hold its key asks for a new certificate.
    struct Renewal: Sendable {
        let agent: AgentID
        let address: String
        let request: WireRenewRequest
        let reply: @Sendable (WireEnvelope.OneOf_Body) -> Void
    }

    let trust: FleetTrust
    let store: any FleetStore
    let registry: FleetRegistry
    let counters: FleetCounters
    let configuration: FleetConfiguration
    let logger: Logger
    /// Told of every join that was refused.
    let onRefusal: @Sendable (_ reason: String, _ address: String) -> Void

    /// Serves requests until the stream ends.
    func serve(_ requests: AsyncStream<Request>) async {
        for await request in requests {
            switch request {
            case .join(let request, let address, let reply): reply(await join(request, from: address))
            case .renew(let renewal): renewal.reply(renew(renewal))
            }
        }
    }

    private func join(_ request: WireJoinRequest, from address: String) async -> WireJoinResult {
        let now = configuration.now()
        let identity = trust.identity
        do {
            // The certificate first: a request that is no good must not use up the token.
            let certificate = try identity.issuer.issueAgent(
                request: request.requestBytes,
                now: now,
                life: configuration.certificateLife
            )
            let id = certificate.publicKeyID
            var host = FleetHost(id: id, name: request.name.isEmpty ? id.short : request.name)
            host.address = address
            let joined = try await store.join(
                host,
                token: request.tokenID,
                secret: request.secretBytes,
                at: now
            )
            registry.joined(joined)
            counters.update { $0.joinsAccepted += 1 }
            logger.info(
                "host joined",
                metadata: [
                    "host.id": "\(id)", "host.name": "\(joined.name)", "address": "\(address)",
                    "token.id": "\(request.tokenID)", "certificate.expires": "\(certificate.notAfter)",
                ]
            )
            return WireJoinResult(certificate: certificate.der, authorities: identity.trusted)
        } catch {
            return refusal(error, from: address, token: request.tokenID)
        }
    }

    private func refusal(_ error: any Error, from address: String, token: String) -> WireJoinResult {
        counters.update { $0.joinsRefused += 1 }
        let metadata: Logger.Metadata = [
            "address": "\(address)", "token.id": "\(token)", "reason": "\(error)",
        ]
        // Whatever is wrong on our side is for our log only.
        if let error = error as? FleetError, error.code == .store {
            logger.error("join failed", metadata: metadata)
            return WireJoinResult(refusal: "the coordinator could not record the join", retryCanHelp: true)
        }
        logger.warning("join refused", metadata: metadata)
        let reason = (error as? FleetError)?.message ?? "\(error)"
        onRefusal(reason, address)
        return WireJoinResult(refusal: reason, retryCanHelp: false)
    }

    private func renew(_ renewal: Renewal) -> WireEnvelope.OneOf_Body {
        let identity = trust.identity
        var metadata: Logger.Metadata = [
            "host.id": "\(renewal.agent)", "host.name": "\(registry.host(renewal.agent)?.name ?? "")",
            "address": "\(renewal.address)",
        ]
        do {
            let certificate = try identity.issuer.issueAgent(
                request: renewal.request.requestBytes,
                now: configuration.now(),
                life: configuration.certificateLife
            )
            guard certificate.publicKeyID == renewal.agent else {
                throw IdentityError(.untrusted, "a renewal must be for the key that the agent has now")
            }
            counters.update { $0.renewals += 1 }
            metadata["certificate.expires"] = "\(certificate.notAfter)"
            logger.info("certificate renewed", metadata: metadata)
            return .renewed(WireRenewed(certificate: certificate.der, authorities: identity.trusted))
        } catch {
            metadata["reason"] = "\(error)"
            logger.warning("renewal refused", metadata: metadata)
            return .refused(WireRefused(sequence: 0, reason: "renewal refused: \(error)"))
        }
    }
}
