import MusterCore

/// What the agent knows of its host: answers questions, keeps records, and acts on databases.
///
/// Calls block, and come from threads of their own: several ``answer(_:isCancelled:)`` at a time, one
/// ``tick(now:)``.
package protocol ObservedHost: Sendable {
    /// Names of the probes it answers.
    var capabilities: [String] { get }
    /// What Hello says of the host; read at each connect.
    func inventory() -> HostInventory
    /// Answers one question within its budget; never takes longer than its deadline on purpose.
    func answer(
        _ question: Question,
        isCancelled: @Sendable () -> Bool
    ) -> (outcome: Outcome, answer: Answer?)
    /// Looks once at everything that is recorded continuously; called about once a second.
    func tick(now: Timestamp)
    /// Log lines that were not looked at, to stay within the budget, since the start.
    var linesDropped: UInt64 { get }
    /// One log line in so many is looked at now; 1 when all are.
    var linesSampledEvery: Int { get }
    /// How the host is, in short; nil when it is not watched. Never waits.
    func health() -> HealthDigest?
}

/// What a host is, for people.
package struct HostInventory: Sendable {
    package var system: String
    package var kernel: String
    package var cpus: Int
    package var memoryBytes: Int
    /// Services with the version that their latest deploy marker names.
    package var services: [(name: String, version: String)]

    package init(
        system: String,
        kernel: String,
        cpus: Int,
        memoryBytes: Int,
        services: [(name: String, version: String)]
    ) {
        self.system = system
        self.kernel = kernel
        self.cpus = cpus
        self.memoryBytes = memoryBytes
        self.services = services
    }
}
