import Glibc
import MusterCore

extension ScenarioCatalogue {
    /// Faults of databases, networks and dependencies.
    static let network: [Entry] = [
        Entry("dependency-down", "the internal service that payments need is stopped") { _ in
            PaymentsScenario("dependency-down", .dependencyDown, "the payment service on pay-1 is stopped") {
                around in
                around.stage.narrator.say("Fault: the payment service on pay-1 ends.")
                around.process.stop(asking: SIGQUIT)
            }
        },
        Entry("dependency-hung", "the internal service that payments need accepts and never answers") { _ in
            PaymentsScenario("dependency-hung", .dependencyHung, "the payment service on pay-1 hangs") {
                around in
                around.stage.narrator.say(
                    "Fault: all processes of the payment service on pay-1 stop where they are (SIGSTOP)."
                )
                around.process.signalGroup(SIGSTOP)
            }
        },
        Entry("lock-wait", "a forgotten transaction keeps a lock that payments need") { _ in LockWait() },
        Entry("slow-query", "an index that each payment needs is dropped") { _ in SlowQuery() },
    ]
}
