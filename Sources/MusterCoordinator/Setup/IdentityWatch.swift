import Logging
import MusterCore
import ServiceLifecycle

/// Uses keys and certificates anew when their files change, and the coordinator's own before it gets old.
struct IdentityWatch: Service, CustomStringConvertible {
    let description = "IdentityWatch"
    let state: CoordinatorState
    let logger: Logger
    /// Puts keys and certificates in use.
    let use: @Sendable (CoordinatorIdentity) throws -> Void

    private static let period = Duration.seconds(1)
    /// The certificate is made anew a month after it was made, so once a day is often enough to look.
    private static let ageMax = Duration.seconds(86_400)

    /// What the files were when they were read before this runs.
    let stamp: [String]

    func run() async throws {
        await cancelWhenGracefulShutdown {
            var used = stamp
            var refused: [String] = []
            var read = ContinuousClock.now
            while (try? await Task.sleep(for: Self.period)) != nil {
                let present = state.identityStamp
                guard present != used || ContinuousClock.now - read > Self.ageMax else { continue }
                do {
                    try reload(isNew: present != used)
                    (used, read) = (present, .now)
                } catch  where refused != present {
                    // Somebody may be in the middle of writing them. It is tried again, and told once.
                    refused = present
                    logger.error(
                        "keys and certificates could not be read again",
                        metadata: ["reason": "\(error)"]
                    )
                } catch {}
            }
        }
    }

    private func reload(isNew: Bool) throws {
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
    }
}
