import Logging
import MusterCore
import MusterIncident

/// Drives one incident: keeps its engine in step with the record and has its directives carried out.
///
/// Whatever adds to the record does so one after the other, each on the newest events.
actor IncidentRunner {
    nonisolated let id: IncidentID
    private let store: IncidentStore
    private let performer: DirectivePerformer
    private let logger: Logger
    private let now: @Sendable () -> Timestamp
    /// What the record lacks of the freezes that are on.
    private let freezes: @Sendable (Incident) -> [IncidentEvent]
    private let onChange: @Sendable (Incident, [StoredEvent]) -> Void
    private var engine: IncidentEngine
    private var running: [IncidentDirective: Task<Void, Never>] = [:]
    private var alarm: Task<Void, Never>?
    private var isStopped = false
    private var isBusy = false
    private var waiting: [CheckedContinuation<Void, Never>] = []

    /// Pause before a directive that brought nothing is tried again; doubles up to the larger.
    static let retryPause = Duration.seconds(1)
    static let retryPauseMax = Duration.seconds(30)

    /// `onChange` is told of each new event, in order.
    init(
        id: IncidentID,
        store: IncidentStore,
        performer: DirectivePerformer,
        policy: IncidentPolicy,
        logger: Logger,
        now: @escaping @Sendable () -> Timestamp,
        freezes: @escaping @Sendable (Incident) -> [IncidentEvent],
        onChange: @escaping @Sendable (Incident, [StoredEvent]) -> Void
    ) {
        self.id = id
        self.store = store
        self.performer = performer
        self.logger = logger
        self.now = now
        self.freezes = freezes
        self.onChange = onChange
        self.engine = IncidentEngine(id: id, policy: policy)
    }

    /// Looks at the record and goes on from there.
    func look() async {
        await exclusively {
            do throws(StoreError) {
                try await catchUp()
                try await advance()
            } catch {
                troubled(error)
            }
        }
    }

    /// Stores what a host told of an action, unless it is known already; returns after it is stored.
    ///
    /// - Returns: False when it could not be stored.
    func take(_ report: ActionReport, from host: HostReference) async -> Bool {
        await exclusively {
            do throws(StoreError) {
                try await catchUp()
                try await append { incident in
                    guard let record = incident[report.ticket], record.host.id == host.id,
                        report.isNews(after: record.report)
                    else { return [] }
                    return [.actionReported(report: report, host: host)]
                }
                try await advance()
                return true
            } catch {
                troubled(error)
                return false
            }
        }
    }

    /// Stores what a person decided; `decide` judges on the newest record.
    func decide(
        _ decide: @Sendable (Incident) throws(OperationError) -> [IncidentEvent]
    ) async throws(OperationError) {
        let problem: OperationError? = await exclusively {
            var refusal: OperationError?
            do throws(StoreError) {
                try await catchUp()
                try await append { incident in
                    do throws(OperationError) { return try decide(incident) } catch {
                        refusal = error
                        return []
                    }
                }
            } catch {
                return error.operation
            }
            guard refusal == nil else { return refusal }
            // The decision is stored; what it sets going has its own retries.
            do throws(StoreError) { try await advance() } catch { troubled(error) }
            return nil
        }
        if let problem { throw problem }
    }

    /// Ends everything that is under way; the record stays as it is.
    func stop() async {
        isStopped = true
        alarm?.cancel()
        let tasks = Array(running.values)
        running = [:]
        for task in tasks { task.cancel() }
        for task in tasks { await task.value }
    }

    // MARK: The record

    private func catchUp() async throws(StoreError) {
        // Once, before anything is made of it: what is not what was written must not lead to actions.
        if engine.incident.sequence == 0 { try await store.requireIntact(id) }
        let events = try await store.events(of: id, after: engine.incident.sequence)
        apply(events)
    }

    private func apply(_ events: [StoredEvent]) {
        for event in events { _ = engine.handle(event, now: now()) }
        if !events.isEmpty { onChange(engine.incident, events) }
    }

    /// Adds what `make` wants on the newest record; asks it again when the record went on meanwhile.
    private func append(_ make: (Incident) -> [IncidentEvent]) async throws(StoreError) {
        while true {
            let bodies = make(engine.incident)
            guard !bodies.isEmpty else { return }
            do throws(StoreError) {
                apply(try await store.append(bodies, to: id, after: engine.incident.sequence, at: now()))
                return
            } catch {
                guard error.code == .stale else { throw error }
                try await catchUp()
            }
        }
    }

    // MARK: Directives

    /// Stores what is decided, starts what is due, ends what is not wanted any more.
    private func advance() async throws(StoreError) {
        // Before each decision: none may be made as if a freeze were not on.
        try await append(freezes)
        while decided() != nil {
            // Decided anew on what came in meanwhile.
            try await append { _ in decided().map { [$0] } ?? [] }
            try await append(freezes)
        }
        guard !isStopped else { return }
        let wanted = Set(engine.outstanding(now: now()))
        for (directive, task) in running where !wanted.contains(directive) {
            task.cancel()
            running[directive] = nil
        }
        for directive in wanted where running[directive] == nil { start(directive) }
        setAlarm()
    }

    /// The first event that needs nobody's help.
    private func decided() -> IncidentEvent? {
        for directive in engine.outstanding(now: now()) {
            if case .record(let event) = directive { return event }
        }
        return nil
    }

    private func start(_ directive: IncidentDirective) {
        running[directive] = Task {
            var pause = Self.retryPause
            while !Task.isCancelled {
                let events = await performer.perform(directive, for: engine.incident) { events in
                    await self.add(events, for: directive)
                }
                guard await goesOn(directive, with: events) else { return }
                guard await DirectivePerformer.pause(pause) else { return }
                pause = min(pause * 2, Self.retryPauseMax)
            }
        }
    }

    /// Stores what a directive brought along the way.
    private func add(_ events: [IncidentEvent], for directive: IncidentDirective) async {
        await exclusively {
            do throws(StoreError) {
                try await append { _ in running[directive] == nil ? [] : events }
            } catch {
                troubled(error)
            }
        }
    }

    /// Stores what a directive ended in; true when it still stands and has to be tried again.
    private func goesOn(_ directive: IncidentDirective, with events: [IncidentEvent]) async -> Bool {
        await exclusively {
            // Meanwhile others may have settled it: then this comes too late and is dropped.
            guard running[directive] != nil, !isStopped else { return false }
            do throws(StoreError) {
                try await append { incident in
                    guard engine.outstanding(now: now()).contains(directive) else { return [] }
                    return events.filter { incident.isNews($0) }
                }
                if !engine.outstanding(now: now()).contains(directive) { running[directive] = nil }
                try await advance()
            } catch {
                troubled(error)
            }
            return running[directive] != nil
        }
    }

    private func setAlarm() {
        alarm?.cancel()
        guard let moment = engine.wake(after: now()) else { return }
        let wait = moment - now()
        alarm = Task {
            guard await DirectivePerformer.pause(wait) else { return }
            await look()
        }
    }

    private func troubled(_ error: StoreError) {
        logger.error("the record can't be written", metadata: ["incident": "\(id)", "reason": "\(error)"])
        guard !isStopped else { return }
        alarm?.cancel()
        alarm = Task {
            guard await DirectivePerformer.pause(.seconds(5)) else { return }
            await look()
        }
    }

    // MARK: One at a time

    /// Lets others wait their turn while `work` runs.
    private func exclusively<Value>(_ work: () async -> Value) async -> Value {
        if isBusy {
            await withCheckedContinuation { waiting.append($0) }
        } else {
            isBusy = true
        }
        defer {
            if waiting.isEmpty { isBusy = false } else { waiting.removeFirst().resume() }
        }
        return await work()
    }
}
