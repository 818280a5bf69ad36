import Logging
import MusterCore
import MusterIncident

extension IncidentService {
    /// How often alerts that flapped are looked at.
    private static let dampedPause = Duration.seconds(30)

    /// Opens incidents for alerts that flapped and do not any more, until shutdown.
    func watchDamped() async {
        let teams = configuration.teams
        while await DirectivePerformer.pause(Self.dampedPause) {
            do throws(StoreError) {
                for id in try await store.raiseSteady(at: now(), owner: { teams.owner(of: $0) }) {
                    await runner(for: id).look()
                }
            } catch {
                logger.error("alerts that flapped can't be looked at", metadata: ["reason": "\(error)"])
            }
        }
    }
}
