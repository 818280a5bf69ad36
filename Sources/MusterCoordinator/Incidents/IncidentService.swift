import FoundationEssentials
import Logging
import MusterCore
import MusterIdentity
import MusterIncident
import MusterRecord
import ServiceLifecycle
import Synchronization

/// All incidents of the coordinator: takes in alerts and changes, drives each incident, answers people.
package final class IncidentService: Operations, Service {
    let store: IncidentStore
    let changeStore: ChangeStore
    let configuration: CoordinatorConfiguration
    private let approvers: ApproverDirectory
    let now: @Sendable () -> Timestamp
    let fleet: any Fleet
    let board: FreezeBoard
    private let performer: DirectivePerformer
    let logger: Logger
    let shelf = IncidentShelf()
    let book = RunbookBook()
    let facts = FactsBook()
    let knowledge: KnowledgeDesk
    let runners = Mutex<[IncidentID: IncidentRunner]>([:])
    private let deliveries = Mutex(0)

    /// Most deliveries of alerts that are stored at the same time.
    static let deliveriesMax = 64

    /// Works on stores whose tables are there; nothing happens before ``run()``.
    package init(
        configuration: CoordinatorConfiguration,
        fleet: any Fleet,
        store: IncidentStore,
        changes: ChangeStore,
        freezes: FreezeBoard,
        knowledge: KnowledgeDesk,
        notifier: Notifier,
        logger: Logger,
        now: @escaping @Sendable () -> Timestamp = FleetConfiguration.systemClock,
        map: ServiceMapLookup = .empty
    ) {
        self.configuration = configuration
        self.fleet = fleet
        self.store = store
        self.changeStore = changes
        self.board = freezes
        self.knowledge = knowledge
        self.logger = logger
        self.now = now
        let approvers = ApproverDirectory(configuration, now: now)
        self.approvers = approvers
        self.performer = DirectivePerformer(
            fleet: fleet,
            changes: changes,
            store: store,
            library: RunbookLibrary(directory: configuration.runbooks, approvers: approvers),
            notifier: notifier,
            configuration: configuration,
            logger: logger,
            now: now,
            started: now(),
            holders: { [shelf] hosts, incident in
                shelf.holders(of: hosts, service: incident.service, but: incident.id)
            },
            map: map,
            record: { [book] in book.record(of: $0) },
            recall: { knowledge.recall($0, at: now()) }
        )
    }

    /// Goes on with everything that the record holds, then hears what hosts tell, until shutdown.
    package func run() async throws {
        try await resume()
        await withTaskGroup(of: Void.self) { tasks in
            tasks.addTask { await self.hear() }
            tasks.addTask { await self.watchDamped() }
            try? await gracefulShutdown()
            tasks.cancelAll()
        }
        let all = runners.withLock { Array($0.values) }
        for runner in all { await runner.stop() }
    }

    /// Folds the record and sets every incident going that has something left to do.
    private func resume() async throws(StoreError) {
        var open: [IncidentID] = []
        let learned = try await knowledge.learned()
        for id in try await store.incidents().reversed() {
            do throws(StoreError) {
                let incident = try await fold(id)
                if !incident.isOver { open.append(id) }
                if !learned.contains(id) { await learn(from: incident) }
            } catch {
                // One record that can't be read must not keep all others from being led on.
                logger.critical(
                    "the record of an incident can't be used; it is not driven any more",
                    metadata: ["incident": "\(id)", "reason": "\(error)"]
                )
            }
        }
        // Only now: what others hold, and how each runbook has done, is known before anything is decided.
        for id in open.reversed() { Task { await runner(for: id).look() } }
    }

    private func fold(_ id: IncidentID) async throws(StoreError) -> Incident {
        // What is not what was written must not lead to actions.
        try await store.requireIntact(id)
        var incident = Incident(id: id)
        for event in try await store.events(of: id) { _ = incident.apply(event) }
        put(incident)
        return incident
    }

    /// Stores what hosts tell of their actions, in the order in which they tell it.
    private func hear() async {
        for await event in fleet.events {
            guard !Task.isCancelled else { return }
            switch event {
            case .actionReport(let host, let report): await hear(report, from: host)
            case .connected(let host): logger.info("host connected", metadata: ["host": "\(host.name)"])
            case .disconnected(let host, let reason):
                logger.info("host gone", metadata: ["host": "\(host.name)", "reason": "\(reason)"])
            case .quarantined(let host, let reason):
                await raise(.firing, .quarantine, about: host, summary: "\(host.name) is cut off: \(reason)")
            case .quarantineEnded(let host, let reason):
                await raise(.resolved, .quarantine, about: host, summary: "\(host.name) was \(reason)")
            case .ledgerPutBack(let host, let reason):
                let summary = "\(host.name) takes no action: \(reason); its root begins the ledger anew"
                await raise(.firing, .ledger, about: host, summary: summary)
            case .identityRefused: continue  // The fleet's own log has told it already.
            }
        }
    }

    /// What Muster itself calls people about, in the words of an alert's name.
    private enum OwnAlert: String {
        case quarantine = "Host in quarantine"
        case ledger = "Action ledger put back"

        var word: String { self == .quarantine ? "quarantine" : "ledger" }
    }

    /// An alert of our own, taken in as any other, about a host.
    private func raise(
        _ status: Alert.Status,
        _ alert: OwnAlert,
        about host: HostReference,
        summary: String
    ) async {
        let body = PlainAlertBody(
            name: alert.rawValue,
            severity: "critical",
            status: status,
            summary: summary,
            labels: ["host": host.name],
            fingerprint: "\(alert.word)-\(host.id.short)",
            // However many hosts it are, it is one thing to look at.
            group: "muster/\(alert.word)"
        )
        do {
            _ = try await receiveAlerts(
                raw: Array(try JSONEncoder().encode(body)),
                format: .json,
                from: "muster"
            )
        } catch {
            logger.critical(
                "an alert of Muster's own could not be taken in",
                metadata: ["host.name": "\(host.name)", "summary": "\(summary)", "reason": "\(error)"]
            )
        }
    }

    private func hear(_ report: ActionReport, from host: HostReference) async {
        guard let incident = shelf.incident(of: report.ticket) else {
            logger.info(
                "report of an action that nothing is open about",
                metadata: [
                    "host": "\(host.name)", "ticket": "\(report.ticket)", "state": "\(report.state.rawValue)",
                ]
            )
            return
        }
        // What can't be stored now is asked of the host's ledger again later.
        _ = await runner(for: incident).take(report, from: host)
    }

    func runner(for id: IncidentID) -> IncidentRunner {
        runners.withLock { runners in
            if let runner = runners[id] { return runner }
            let runner = IncidentRunner(
                id: id,
                store: store,
                performer: performer,
                policy: configuration.policy,
                logger: logger,
                now: now,
                freezes: { [board, now] in board.news(for: $0, at: now()) },
                onChange: { [weak self] incident, events in self?.changed(incident, by: events) }
            )
            runners[id] = runner
            return runner
        }
    }

    private func put(_ incident: Incident) {
        shelf.put(incident)
        book.put(incident)
        facts.put(incident)
    }

    private func changed(_ incident: Incident, by events: [StoredEvent]) {
        put(incident)
        for event in events {
            let line = event.body.text.split(separator: "\n").joined(separator: " / ")
            logger.info("\(line)", metadata: ["incident": "\(incident.id)", "seq": "\(event.seq)"])
        }
        // Whoever wants something of it later gets a new runner, which reads the record.
        if incident.isOver { runners.withLock { $0[incident.id] = nil } }
    }

    // MARK: Intake

    package func receiveAlerts(
        raw: [UInt8],
        format: AlertFormat,
        from sender: String
    ) async throws(OperationError) -> IntakeReceipt {
        let delivery = try AlertDelivery.read(raw, format: format, at: now())
        let isFree = deliveries.withLock { count in
            guard count < Self.deliveriesMax else { return false }
            count += 1
            return true
        }
        guard isFree else { throw OperationError(.busy, "too many deliveries at once; send it again") }
        defer { deliveries.withLock { $0 -= 1 } }
        let teams = configuration.teams
        let result: IntakeResult
        do throws(StoreError) {
            result = try await store.take(
                delivery,
                raw: raw,
                format: format,
                from: sender,
                at: now(),
                flapCycles: configuration.flapCycles
            ) { teams.owner(of: $0) }
        } catch {
            throw error.operation
        }
        // It is on disk: what follows is not the sender's business.
        for id in result.receipt.incidents {
            let runner = runner(for: id)
            Task { await runner.look() }
        }
        return result.receipt
    }

    package func receiveChange(
        raw: [UInt8],
        format: ChangeFormat,
        from sender: String
    ) async throws(OperationError) -> ChangeID {
        let (change, key) = try ChangeBody.read(raw, format: format, from: sender, at: now())
        do throws(StoreError) {
            return try await changeStore.add(
                ChangeBody.masked(change),
                raw: SecretMask.mask(raw[...]),
                key: key,
                from: sender,
                at: now()
            )
        } catch {
            throw error.operation
        }
    }

    package func recordChange(
        _ change: Change,
        by operatorName: String
    ) async throws(OperationError) -> ChangeID {
        try ChangeBody.check(change)
        do throws(StoreError) {
            let masked = ChangeBody.masked(change)
            return try await changeStore.add(masked, raw: nil, key: "", from: operatorName, at: now())
        } catch {
            throw error.operation
        }
    }

    package func changes(window: TimeWindow) async -> [Change] {
        await readable("changes") { () throws(StoreError) in try await changeStore.changes(in: window) } ?? []
    }

    // MARK: Looking

    package func incidents() async -> [IncidentSummary] { shelf.summaries }

    package func incident(_ id: IncidentID) async -> IncidentDetail? {
        let events = await eventsSince(incident: id, sequence: 0)
        guard !events.isEmpty else { return nil }
        return fold(events, id).detail(events)
    }

    package func eventsSince(incident: IncidentID, sequence: Int) async -> [StoredEvent] {
        await readable("an incident") { () throws(StoreError) in
            try await store.events(of: incident, after: sequence)
        } ?? []
    }

    package func recordHeader(of incident: IncidentID) async throws(OperationError) -> RecordHeader {
        let newest: (sequence: Int, hash: Digest)?
        do throws(StoreError) { newest = try await store.newest(of: incident) } catch {
            throw error.operation
        }
        guard let newest else { throw OperationError(.notFound, "there is no incident \(incident)") }
        return RecordHeader(
            incident: incident,
            coordinator: CoordinatorVersion.text,
            exported: now(),
            policy: configuration.policy,
            events: newest.sequence,
            head: newest.hash
        )
    }

    package func evidence(of header: RecordHeader) async throws(OperationError) -> [Digest] {
        do throws(StoreError) {
            return try await store.evidence(of: header.incident, upTo: header.events)
        } catch { throw error.operation }
    }

    package func answer(_ digest: Digest) async throws(OperationError) -> KeptAnswer? {
        do throws(StoreError) { return try await store.answer(digest) } catch { throw error.operation }
    }

    package func recorded(
        of incident: IncidentID,
        after sequence: Int,
        upTo last: Int
    ) async throws(OperationError) -> [RecordedEvent] {
        do throws(StoreError) {
            return try await store.recorded(of: incident, after: sequence, upTo: last)
        } catch {
            throw error.operation
        }
    }

    package func plan(_ id: PlanID, of incident: IncidentID) async -> SealedPlan? {
        fold(await eventsSince(incident: incident, sequence: 0), incident)[id]?.sealed
    }

    package func dryRun(_ plan: SealedPlan) async -> [PlanTrialGroup] {
        await PlanMaker(fleet: fleet, planLife: configuration.planLife, now: now).dryRun(plan.plan)
    }

    package func postMortem(_ id: IncidentID) async -> String? {
        let events = await eventsSince(incident: id, sequence: 0)
        let isDrafted = events.contains { $0.kind == .postMortemDrafted }
        return isDrafted ? PostMortem(events: events).markdown : nil
    }

    func fold(_ events: [StoredEvent], _ id: IncidentID) -> Incident {
        var incident = Incident(id: id)
        for event in events { _ = incident.apply(event) }
        return incident
    }

    private func readable<Value>(_ what: String, _ read: () async throws(StoreError) -> Value) async -> Value?
    {
        do throws(StoreError) { return try await read() } catch {
            logger.error("can't read \(what)", metadata: ["reason": "\(error)"])
            return nil
        }
    }

    // MARK: Deciding

    package func approve(
        _ plan: PlanID,
        of incident: IncidentID,
        approval: Approval,
        by operatorName: String
    ) async throws(OperationError) {
        let now = now
        let approvers = try people(who: .approve)
        try await known(incident).decide { incident throws(OperationError) in
            let record = try incident.undecided(plan, at: now())
            let proposer = record.sealed.plan.proposer
            guard proposer != operatorName, proposer != approval.signer else {
                throw OperationError(
                    .denied,
                    "\(proposer) proposed the plan; somebody else has to approve it"
                )
            }
            guard approval.signature.count == 64, !approval.signer.isEmpty, approval.signer.utf8.count <= 64
            else {
                throw OperationError(.malformed, "an approval is a signer and a signature of 64 bytes")
            }
            if case .approved(let others) = record.decision {
                guard !record.approvers.contains(operatorName),
                    !others.contains(where: { $0.signer == approval.signer })
                else {
                    throw OperationError(
                        .conflict,
                        "\(approval.signer) has approved it already; it needs \(record.sealed.plan.approvalsNeeded) people"
                    )
                }
            }
            if let approvers {
                guard let key = approvers[approval.signer] else {
                    throw OperationError(
                        .denied,
                        "\"\(approval.signer)\" is no approver; known are \(approvers.keys.sorted().joined(separator: ", "))"
                    )
                }
                let signed = Sealing.approvalBytes(plan: plan)
                guard SigningKey.verify(signature: approval.signature, of: signed, publicKey: key) else {
                    throw OperationError(
                        .denied,
                        "the signature is not \(approval.signer)'s over plan \(plan.short)"
                    )
                }
            }
            return [.approvalGiven(plan: plan, approval: approval, by: operatorName)]
        }
    }

    package func breakGlass(
        _ plan: PlanID,
        of incident: IncidentID,
        use: BreakGlass,
        by operatorName: String
    ) async throws(OperationError) {
        let now = now
        let people = try people(who: .breakGlass)
        try await known(incident).decide { incident throws(OperationError) in
            _ = try incident.undecided(plan, at: now())
            if let people {
                guard let key = people[use.signer] else {
                    let names = people.keys.sorted().joined(separator: ", ")
                    throw OperationError(
                        .denied,
                        "\"\(use.signer)\" may not break the glass; \(names.isEmpty ? "nobody may" : "may: \(names)")"
                    )
                }
                let signed = Sealing.breakGlassBytes(plan: plan, reason: use.reason)
                guard SigningKey.verify(signature: use.signature, of: signed, publicKey: key) else {
                    throw OperationError(
                        .denied,
                        "the signature is not \(use.signer)'s over plan \(plan.short) and the reason"
                    )
                }
            }
            return [.glassBroken(plan: plan, use: use, by: operatorName)]
        }
    }

    /// Keys of those who may do this, as far as they are listed here.
    private func people(who right: ApproverRight) throws(OperationError) -> [String: [UInt8]]? {
        do throws(PolicyRefusal) {
            return try approvers.keys(of: right)
        } catch {
            throw OperationError(.denied, "nobody can approve now: \(error.reason)")
        }
    }

    package func reject(
        _ plan: PlanID,
        of incident: IncidentID,
        reason: String,
        by operatorName: String
    ) async throws(OperationError) {
        let now = now
        try await known(incident).decide { incident throws(OperationError) in
            _ = try incident.undecided(plan, at: now())
            return [.approvalRejected(plan: plan, by: operatorName, reason: String(reason.prefix(1024)))]
        }
    }

    package func steer(
        _ plan: PlanID,
        of incident: IncidentID,
        _ order: RolloutOrder,
        reason: String,
        by operatorName: String
    ) async throws(OperationError) {
        let reason = String(reason.prefix(1024))
        try await known(incident).decide { incident throws(OperationError) in
            if order == .retry {
                let hosts = try incident.retriableHosts(of: plan)
                return [.rolloutRetried(plan: plan, hosts: hosts, by: operatorName, reason: reason)]
            }
            let record = try incident.underWay(plan)
            switch order {
            case .retry: return []
            case .pause:
                guard !record.isPaused else {
                    throw OperationError(.conflict, "plan \(plan.short) is paused already")
                }
                return [.rolloutPaused(plan: plan, by: operatorName, reason: reason)]
            case .resume:
                guard record.isPaused else {
                    throw OperationError(.conflict, "plan \(plan.short) is not paused")
                }
                return [.rolloutResumed(plan: plan, by: operatorName)]
            case .abort: return [.rolloutAborted(plan: plan, by: operatorName, reason: reason)]
            }
        }
    }

    package func runbookRecords() async -> [RunbookRecord] { book.records }

    /// The runner of an incident that exists.
    func known(_ id: IncidentID) async throws(OperationError) -> IncidentRunner {
        if let runner = runners.withLock({ $0[id] }) { return runner }
        let exists: Bool
        do throws(StoreError) { exists = try await !store.events(of: id).isEmpty } catch {
            throw error.operation
        }
        guard exists else { throw OperationError(.notFound, "there is no incident \(id)") }
        return runner(for: id)
    }
}
