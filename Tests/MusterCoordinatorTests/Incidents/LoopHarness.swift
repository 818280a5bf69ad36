import GRDB
import Logging
import MusterCore
import MusterIdentity
import MusterIncident
import MusterTesting
import MusterWire
import ServiceLifecycle
import Testing

@testable import MusterCoordinator

/// A coordinator's brain on a real database, over a ``SmallWorld``; may be killed and started again.
final class LoopHarness {
    let directory: TemporaryDirectory
    private(set) var world: SmallWorld
    private(set) var service: IncidentService
    private(set) var store: IncidentStore
    private var running: Task<Void, any Error>?
    let database: DatabasePool
    private let configuration: CoordinatorConfiguration

    static let runbook = """
        name: bad-deploy
        trigger: { cause: bad-deploy, confidence: high }
        steps:
          - { action: verify_hypothesis, check: "Error ratio > 2%" }
          - action: mitigate
            run: rollback_release
            with: { to: "{change.before}" }
            hosts: culprit
            rollback: { run: rollback_release, with: { to: "{change.after}" } }
            requires_approval: true
          - { action: verify_resolution, check: "Error ratio < 2%", timeout: 60s }
          - { action: notify, message: "{service} is well again: {value}." }

        """

    init(_ change: (inout CoordinatorConfiguration) -> Void = { _ in }) throws {
        directory = try TemporaryDirectory()
        var configuration = CoordinatorConfiguration()
        configuration.runbooks = directory.path("runbooks")
        configuration.costPerFailedRequest = 0.5
        configuration.costPerMinute = 20
        configuration.currency = "EUR"
        change(&configuration)
        try StateFile.makeDirectory(configuration.runbooks)
        try directory.write("runbooks/bad-deploy.yaml", Array(Self.runbook.utf8))
        self.configuration = configuration
        database = try CoordinatorDatabase(
            path: directory.path("muster.db"),
            parts: [IncidentStore.migrate, ChangeStore.migrate, FreezeBoard.migrate, KnowledgeDesk.migrate]
        ).pool
        world = SmallWorld()
        (service, store) = try Self.make(configuration, database, world)
    }

    private static func make(
        _ configuration: CoordinatorConfiguration,
        _ database: DatabasePool,
        _ world: SmallWorld
    ) throws -> (IncidentService, IncidentStore) {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let store = IncidentStore(database: database)
        let service = IncidentService(
            configuration: configuration,
            fleet: world,
            store: store,
            changes: ChangeStore(database: database),
            freezes: try FreezeBoard(database: database),
            knowledge: try KnowledgeDesk(database: database, policy: configuration.knowledge),
            notifier: Notifier(webhook: nil, transport: nil),
            logger: logger,
            now: world.now
        )
        return (service, store)
    }

    func run() {
        let service = service
        running = Task { try await service.run() }
    }

    /// Ends it as it stands and begins anew on the same record and the same hosts.
    func restart() async throws {
        await kill()
        world = world.reconnected()
        (service, store) = try Self.make(configuration, database, world)
        run()
    }

    func kill() async {
        running?.cancel()
        _ = await running?.result
        running = nil
    }

    /// From now on the record takes `count` events and not one more, as if the process died there.
    func failAfter(events count: Int) async throws {
        try await database.write { db in
            try db.execute(
                sql: """
                    CREATE TRIGGER crash BEFORE INSERT ON events WHEN (SELECT count(*) FROM events) >= \(count)
                    BEGIN SELECT RAISE(ABORT, 'the process is dead'); END
                    """
            )
        }
    }

    func heal() async throws {
        try await database.write { db in try db.execute(sql: "DROP TRIGGER IF EXISTS crash") }
    }

    /// One alert about the shop, as another system posts it.
    ///
    /// Each `group` opens an incident of its own.
    func alert(_ group: String = "") async throws -> IncidentID {
        let own = group.isEmpty ? "" : #", "group": "\#(group)", "fingerprint": "\#(group)""#
        let body =
            #"{"name": "HighErrorRate", "summary": "checkout fails", "labels": {"service": "shop"}\#(own)}"#
        let receipt = try await service.receiveAlerts(raw: Array(body.utf8), format: .json, from: "test")
        return try #require(receipt.incidents.first)
    }

    /// Waits until the incident's detail fits.
    func wait(
        for what: String,
        _ id: IncidentID,
        _ fits: (IncidentDetail) -> Bool
    ) async throws -> IncidentDetail {
        try await service.wait(for: what, id) { detail in
            // Time passes only while somebody looks at it.
            _ = world.now()
            return fits(detail)
        }
    }

    /// Approves whatever plan waits.
    func approve(_ id: IncidentID) async throws {
        let detail = try await wait(for: "a plan", id) { !$0.pendingPlans.isEmpty }
        try await approve(id, try #require(detail.pendingPlans.first).id)
    }

    /// Approves a plan, with a signature that only a host would check.
    func approve(_ id: IncidentID, _ plan: PlanID) async throws { try await service.approve(id, plan) }
}

extension IncidentService {
    func wait(
        for what: String,
        _ id: IncidentID,
        _ fits: (IncidentDetail) -> Bool
    ) async throws -> IncidentDetail {
        // A minute: other tests may keep every core busy.
        for _ in 0..<1_200 {
            if let detail = await incident(id), fits(detail) { return detail }
            try await Task.sleep(for: .milliseconds(50))
        }
        let last = await incident(id)?.timeline.map(\.text).joined(separator: "\n") ?? "no incident"
        throw SetupFailure("waited in vain for \(what); the record so far:\n\(last)")
    }

    func approveWhenAsked(_ id: IncidentID) async throws {
        let detail = try await wait(for: "a plan", id) { !$0.pendingPlans.isEmpty }
        try await approve(id, try #require(detail.pendingPlans.first).id)
    }

    func approve(_ id: IncidentID, _ plan: PlanID) async throws {
        let approval = Approval(signer: "dana", signature: [UInt8](repeating: 7, count: 64))
        try await approve(plan, of: id, approval: approval, by: "dana")
    }
}

extension LoopHarness {
    /// The same runbook, to run by itself: a host can confirm by a statement that it is needed.
    static let signedRunbook = runbook.replacing("requires_approval: true", with: "requires_approval: false")
        .replacing(
            "check: \"Error ratio > 2%\" }",
            with: "check: \"SELECT 38\", threshold: \"> 32\" }"
        )

    /// Puts the runbook that runs by itself in the place of the other, signed by ana.
    func signRunbook() throws {
        let bytes = Array(Self.signedRunbook.utf8)
        let declaration = WireCodec.declaration(
            PreApprovalDeclaration(expires: world.start + .seconds(86_400), irreversible: [:], selector: "")
        )
        let signature = try SigningKey.generate().sign(
            Sealing.preApprovalBytes(runbook: bytes, declaration: declaration)
        )
        try directory.write("runbooks/bad-deploy.yaml", bytes)
        let approval =
            "signer: ana\ndeclaration: \(Base64.text(declaration))\nsignature: \(Base64.text(signature))\n"
        try directory.write("runbooks/bad-deploy.yaml.approval", Array(approval.utf8))
    }
}
