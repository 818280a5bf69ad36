import Logging
import MusterCore
import ServiceLifecycle

/// Uses keys and certificates anew when their files change, and the coordinator's own before it gets old.
struct IdentityWatch: Service, CustomStringConvertible {
    let description = "IdentityWatch"
    let state: CoordinatorState
    let logger: Logger
    let use: @Sendable (CoordinatorIdentity) throws -> Void

    private static let period = Duration.seconds(1)
    /// The certificate is made anew a month after it was made, so once a day is often enough to look.
    private static let ageMax = Duration.seconds(86_400)

    func run() async throws {
        await cancelWhenGracefulShutdown {
            var stamp = state.identityStamp
            var read = ContinuousClock.now
            while (try? await Task.sleep(for: Self.period)) != nil {
                let present = state.identityStamp
                guard present != stamp || ContinuousClock.now - read > Self.ageMax else { continue }
                let isNew = present != stamp
                stamp = present
                read = .now
                reload(isNew: isNew)
            }
        }
    }

    private func reload(isNew: Bool) {
        do {
            let identity = try state.load(at: FleetConfiguration.systemClock())
            try use(identity)
            guard isNew else { return }
            logger.notice(
                "keys and certificates read again",
                metadata: [
                    "authorities": "\(identity.authorities.count)",
                    "authority": "\(identity.authority.certificate.publicKeyID.short)",
                    "issuer": "\(identity.issuer.certificate.publicKeyID.short)",
                ]
            )
        } catch {
            // Somebody may be in the middle of writing them: the next change is looked at again.
            logger.error("keys and certificates could not be read again", metadata: ["reason": "\(error)"])
        }
    }
}
