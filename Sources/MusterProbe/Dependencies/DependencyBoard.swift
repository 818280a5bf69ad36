import Glibc
import MusterCore
import Synchronization

/// Checks the dependencies of this host: every few seconds by itself, and whenever somebody asks.
///
/// Checks run on threads of their own, at most ``threadsMax`` at a time, so that one that hangs delays neither the
/// recorder nor its neighbours. Two who ask at once share one check.
package final class DependencyBoard: Sendable {
    static let threadsMax = 8

    private struct Entry {
        let target: DependencyTarget
        let watcher: PostgresWatcher?
        var due: ContinuousClock.Instant?
        var isRunning = false
        /// Checks that have ended.
        var ended = 0
        var latest: (check: DependencyCheck, at: Timestamp)?
        /// Since when it is as it is; nil as long as it was never seen to change.
        var since: Timestamp?
        var usual = UsualValues()
        var recent = RecentChecks()
        var isWell = true

        /// Notes the end of a check.
        mutating func take(_ check: DependencyCheck, began: Timestamp) {
            var check = check
            let isHigh = usual.take(&check)
            recent.take(check, timeout: target.timeout)
            let isWell = !isHigh && DependencyBoard.isWell(check)
            if latest != nil, isWell != self.isWell { since = began }
            self.isWell = isWell
            latest = (check, began)
            ended += 1
            isRunning = false
            due = ContinuousClock.now + target.interval
        }
    }

    private struct State {
        var entries: [Entry]
        /// Indices of entries that wait for a thread.
        var waiting: [Int] = []
        var threads = 0
    }

    /// What a question about dependencies found.
    package struct Checks: Sendable {
        /// In the order of the configuration.
        package var checks: [DependencyCheck] = []
        /// Names of those whose check had not ended in time.
        package var unfinished: [String] = []
    }

    /// Share of a server's connections in use from which it is not well any more.
    private static let usedRatioMax = 0.85

    private let state: Mutex<State>
    private let clock: @Sendable () -> Timestamp

    /// `clock` tells the time at which checks begin.
    package init(
        targets: [DependencyTarget],
        connector: @escaping DatabaseConnector = PostgresWatcher.connector,
        clock: @escaping @Sendable () -> Timestamp
    ) {
        let entries = targets.map { target in
            var watcher: PostgresWatcher?
            if case .postgres(let endpoint) = target.kind {
                watcher = PostgresWatcher(endpoint: endpoint, connector: connector)
            }
            return Entry(target: target, watcher: watcher)
        }
        self.state = Mutex(State(entries: entries))
        self.clock = clock
    }

    /// Starts the checks that are due; returns at once.
    package func tick() {
        let now = ContinuousClock.now
        let due = state.withLock { state in
            state.entries.indices.filter { state.entries[$0].due.map { $0 <= now } ?? true }
        }
        for index in due { start(index) }
    }

    /// Starts a check of one target now, because something has just been done to it.
    package func refresh(_ name: String) {
        for index in indices(name) { start(index) }
    }

    /// Checks made now, of one target or, with an empty name, of all.
    ///
    /// Returns by `deadline`, with what is known of those that hang.
    package func checks(
        name: String,
        deadline: ContinuousClock.Instant,
        isCancelled: () -> Bool
    ) -> Checks {
        let asked = ContinuousClock.now
        let wanted = indices(name).map { index in (index: index, ended: start(index)) }
        func allEnded() -> Bool {
            state.withLock { state in wanted.allSatisfy { state.entries[$0.index].ended > $0.ended } }
        }
        // Looks instead of sleeping until woken, so that a cancellation is noticed as well.
        while !allEnded(), ContinuousClock.now < deadline, !isCancelled() { usleep(3000) }
        let waited = (ContinuousClock.now - asked).spoken
        let now = clock()
        return state.withLock { state in
            var result = Checks()
            for (index, ended) in wanted {
                let entry = state.entries[index]
                var check: DependencyCheck
                if let latest = entry.latest, entry.ended > ended {
                    check = latest.check
                } else {
                    check = Self.hanging(entry, waited: waited, now: now)
                    result.unfinished.append(entry.target.name)
                }
                check.since = entry.since
                entry.recent.describe(&check)
                result.checks.append(check)
            }
            return result
        }
    }

    /// The database of a name; the only one when the name is empty.
    package func database(_ name: String) throws(ProbeError) -> PostgresWatcher {
        let databases = state.withLock { state in
            state.entries.compactMap { entry in entry.watcher.map { (name: entry.target.name, watcher: $0) } }
        }
        if name.isEmpty, databases.count == 1 { return databases[0].watcher }
        if let found = databases.first(where: { $0.name == name }), !name.isEmpty { return found.watcher }
        let names = databases.map(\.name).joined(separator: ", ")
        throw ProbeError(
            .refused,
            databases.isEmpty
                ? "no database is configured on this host"
                : name.isEmpty
                    ? "this host knows several databases (\(names)): name one of them"
                    : "this host knows no database \"\(name.prefix(80))\", but \(names)"
        )
    }

    private func indices(_ name: String) -> [Int] {
        state.withLock { state in
            state.entries.indices.filter { name.isEmpty || state.entries[$0].target.name == name }
        }
    }

    /// Queues a check unless one is under way; returns how many had ended before it.
    @discardableResult
    private func start(_ index: Int) -> Int {
        let (ended, needsThread) = state.withLock { state -> (Int, Bool) in
            let ended = state.entries[index].ended
            guard !state.entries[index].isRunning else { return (ended, false) }
            state.entries[index].isRunning = true
            state.waiting.append(index)
            guard state.threads < Self.threadsMax else { return (ended, false) }
            state.threads += 1
            return (ended, true)
        }
        if needsThread, !DetachedThread.start({ self.work() }) { work() }
        return ended
    }

    /// Runs what waits until nothing does; ends with the queue.
    private func work() {
        while let (index, target, watcher) = next() {
            let began = clock()
            let check = Self.check(target, watcher)
            state.withLock { $0.entries[index].take(check, began: began) }
        }
    }

    private func next() -> (index: Int, target: DependencyTarget, watcher: PostgresWatcher?)? {
        state.withLock { state in
            guard !state.waiting.isEmpty else {
                state.threads -= 1
                return nil
            }
            let index = state.waiting.removeFirst()
            return (index, state.entries[index].target, state.entries[index].watcher)
        }
    }

    private static func check(_ target: DependencyTarget, _ watcher: PostgresWatcher?) -> DependencyCheck {
        switch target.kind {
        case .tcp(let host, let port): TCPCheck.run(target, host: host, port: port)
        case .http(let url, let caFile): HTTPCheck.run(target, url: url, caFile: caFile)
        case .postgres: watcher?.poll(target) ?? target.emptyCheck
        }
    }

    /// What is said of a target that does not answer within the question's time.
    private static func hanging(_ entry: Entry, waited: String, now: Timestamp) -> DependencyCheck {
        var check = entry.target.emptyCheck
        check.reason = "no answer within \(waited)"
        guard let latest = entry.latest else { return check }
        let ago = (now - latest.at).spoken
        if latest.check.healthy {
            check.reason += "; \(ago) ago: it answered"
        } else {
            // How far it came then is the best that is known of how far it comes now.
            check = latest.check
            check.reason = "no answer within \(waited); \(ago) ago: \(latest.check.reason)"
        }
        return check
    }

    private static func isWell(_ check: DependencyCheck) -> Bool {
        check.healthy && (check.values["connections_used_ratio"] ?? 0) < usedRatioMax
            && (check.values["lock_waiting"] ?? 0) == 0
    }
}
