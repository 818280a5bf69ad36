import MusterCore
import Synchronization

/// Follows the log files of a host and answers what stands in them and which requests they tell of.
///
/// One thread calls ``tick(now:)``; questions may come from several others.
package final class LogRecorder: Sendable {
    private struct State {
        var follower: LogFollower
        var requests: RequestHistory
        var index = LogIndex()
        /// Access lines that were not understood, with their moments, the newest few thousand.
        var unparsed: [Timestamp] = []
        /// Time of the oldest line that was read; nil before the first.
        var oldest: Timestamp?
        var endpointPaths: [[UInt8]: String] = [:]
    }

    private let files: HostFiles
    private let settings: [LogFileSettings]
    private let parser: LogLineParser
    private let began = ContinuousClock.now
    private let state: Mutex<State>
    private let lost = Atomic<UInt64>(0)

    /// Bytes read in one tick at most; what is more waits for the next.
    private static let tickBytesMax = 16 << 20
    /// Lines older than this when they are read are indexed but not counted.
    private static let span = Duration.seconds(3600)
    private static let unparsedMax = 4_096
    private static let pathsMax = 4_096

    package convenience init(
        files settings: [LogFileSettings],
        host files: HostFiles = HostFiles(),
        zoneOffsetSeconds: Int = 0
    ) {
        self.init(
            settings,
            host: files,
            zoneOffsetSeconds: zoneOffsetSeconds,
            limits: RequestHistory.Limits()
        )
    }

    init(
        _ settings: [LogFileSettings],
        host files: HostFiles,
        zoneOffsetSeconds: Int,
        limits: RequestHistory.Limits
    ) {
        self.files = files
        self.settings = settings
        parser = LogLineParser(zoneOffsetSeconds: zoneOffsetSeconds)
        state = Mutex(
            State(
                follower: LogFollower(files: files, inputs: settings.map { [$0.path] }),
                requests: RequestHistory(limits: limits)
            )
        )
    }

    deinit { state.withLock { $0.follower.close() } }

    /// Requests that fell out of memory before their hour was over, since the start, as of the last tick.
    ///
    /// Never waits: a log on a disk that hangs holds up a tick, and must hold up nothing else.
    package var linesDropped: UInt64 { lost.load(ordering: .relaxed) }

    /// What following the files lost.
    package var losses: FollowLosses { state.withLock { $0.follower.losses } }

    /// Reads what was written since the last tick.
    package func tick(now: Timestamp) {
        guard !settings.isEmpty else { return }
        let seconds = (ContinuousClock.now - began).inSeconds
        state.withLock { state in
            var left = Self.tickBytesMax
            var more = true
            while more, left > 0 {
                var lines: [(LogFollower.Line, [UInt8])] = []
                // Taken out: the follower must not be touched while its lines are looked at.
                more = state.follower.poll(seconds: seconds, bytesMax: 1 << 20) { line in
                    left -= line.bytes.count
                    let bytes = Array(line.bytes)
                    // Without the slice, which would keep the follower's buffer from being used again.
                    var line = line
                    line.bytes = []
                    lines.append((line, bytes))
                }
                for (line, bytes) in lines { take(line, bytes[...], now, &state) }
            }
            state.requests.trim(now: now)
            lost.store(state.requests.lost, ordering: .relaxed)
        }
    }

    private func take(
        _ line: LogFollower.Line,
        _ bytes: ArraySlice<UInt8>,
        _ now: Timestamp,
        _ state: inout State
    ) {
        let parsed = parser.parse(bytes, now: now)
        let at = min(parsed.at ?? now, now)
        state.index.note(line, at: at)
        if state.oldest.map({ at < $0 }) ?? true { state.oldest = at }
        guard at >= now - Self.span else { return }
        let own = settings[line.input].service
        guard let request = parsed.request else {
            if Self.looksLikeAccess(line.path) {
                if state.unparsed.count >= Self.unparsedMax {
                    state.unparsed.removeFirst(Self.unparsedMax / 2)
                }
                state.unparsed.append(at)
            }
            return
        }
        let service = own.isEmpty ? parsed.service.map { String(decoding: $0, as: UTF8.self) } ?? "" : own
        state.requests.add(
            at: at,
            endpoint: RequestHistory.Endpoint(
                service: service,
                method: String(decoding: request.method.prefix(16), as: UTF8.self),
                path: Self.endpointPath(request.path, &state)
            ),
            status: request.status,
            latencyMilliseconds: request.latencyMilliseconds,
            user: request.user
        )
    }

    /// Collapsing identifiers costs more than looking up what it gave the last time.
    private static func endpointPath(_ path: ArraySlice<UInt8>, _ state: inout State) -> String {
        let key = Array(path.prefix { $0 != UInt8(ascii: "?") }.prefix(512))
        if let known = state.endpointPaths[key] { return known }
        let normalized = EndpointPath.normalized(path)
        if state.endpointPaths.count >= pathsMax { state.endpointPaths.removeAll(keepingCapacity: true) }
        state.endpointPaths[key] = normalized
        return normalized
    }

    private static func looksLikeAccess(_ path: String) -> Bool {
        path.split(separator: "/").last?.contains("access") ?? false
    }

    // MARK: Questions

    /// Requests per endpoint inside a window.
    ///
    /// `covered` says from when there is anything; partial when something inside the window was let go.
    package func requests(
        window: TimeWindow,
        service: String,
        salt: [UInt8],
        bucketSeconds: Int,
        budget: QuestionBudget,
        isCancelled: @Sendable () -> Bool
    ) -> (Outcome, RequestsAnswer) {
        guard !settings.isEmpty else {
            return (Outcome(.refused, reason: "no log files are configured on this host"), RequestsAnswer())
        }
        return withoutActuallyEscaping(isCancelled) { isCancelled in
            let clock = QuestionClock(budget, isCancelled: isCancelled)
            // What was written a moment ago counts too.
            tick(now: WallMoment.now)
            return requests(window, service, salt, bucketSeconds, budget, clock)
        }
    }

    private func requests(
        _ window: TimeWindow,
        _ service: String,
        _ salt: [UInt8],
        _ bucketSeconds: Int,
        _ budget: QuestionBudget,
        _ clock: QuestionClock
    ) -> (Outcome, RequestsAnswer) {
        state.withLock { state in
            var answer = RequestsAnswer()
            let (endpoints, isWhole) = state.requests.answer(
                window: window,
                service: service,
                salt: salt,
                bucketSeconds: bucketSeconds,
                mustStop: { clock.mustStop }
            )
            answer.endpoints = Array(endpoints.prefix(max(0, budget.rowsMax)))
            // Nothing is kept for longer than the span, whatever the files still hold.
            let kept = max(WallMoment.now - Self.span, state.requests.completeFrom)
            let from = max(window.from, state.oldest ?? window.to, kept)
            answer.covered = TimeWindow(from: min(from, window.to), to: window.to)
            answer.unparsed = state.unparsed.count { window.contains($0) }
            let dropped = endpoints.count - answer.endpoints.count
            var reasons: [String] = []
            if !isWhole { reasons.append("not all requests could be counted in time") }
            if kept > window.from, state.oldest.map({ $0 < kept }) ?? false {
                reasons.append("requests before \(kept) are forgotten")
            }
            if state.follower.losses.filesRefused > 0 {
                reasons.append("\(state.follower.losses.filesRefused) log files are too many to be followed")
            }
            if dropped > 0 { reasons.append("\(dropped) endpoints with few requests were left out") }
            let outcome = Outcome(
                reasons.isEmpty ? .ok : .partial,
                reason: reasons.joined(separator: "; "),
                rowsDropped: dropped
            )
            return (outcome, answer)
        }
    }

    /// Lines inside a window, and how often each template stands there; lines of no service belong to all.
    package func logs(
        window: TimeWindow,
        service: String,
        level: LogLevel?,
        text: String,
        budget: QuestionBudget,
        isCancelled: @Sendable () -> Bool
    ) -> (Outcome, LogsAnswer) {
        guard !settings.isEmpty else {
            return (Outcome(.refused, reason: "no log files are configured on this host"), LogsAnswer())
        }
        return withoutActuallyEscaping(isCancelled) { isCancelled in
            let clock = QuestionClock(budget, isCancelled: isCancelled)
            tick(now: WallMoment.now)
            return logs(window, service, level, text, budget, clock)
        }
    }

    private func logs(
        _ window: TimeWindow,
        _ service: String,
        _ level: LogLevel?,
        _ text: String,
        _ budget: QuestionBudget,
        _ clock: QuestionClock
    ) -> (Outcome, LogsAnswer) {
        let inputs = settings.indices.filter { index in
            let own = settings[index].service
            return service.isEmpty || own.isEmpty || own == service
        }
        let stretches = state.withLock { $0.index.stretches(window, inputs: Set(inputs)) }
        var search = LogSearch(
            files: files,
            parser: parser,
            window: window,
            level: level,
            text: text,
            service: service,
            rowsMax: budget.rowsMax,
            linesBytesMax: budget.bytesMax,
            now: WallMoment.now,
            mustStop: { clock.mustStop }
        )
        search.search(stretches.map { ($0, service: settings[$0.input].service) })
        let answer = search.finish()
        if clock.wasCancelled { return (clock.stopped, LogsAnswer()) }
        let missed = state.withLock { $0.follower.losses.bytesSkipped }
        var reasons = search.reasons
        if missed > 0, stretches.contains(where: { $0.from > 0 && $0.starts >= window.from }) {
            reasons.append("the logs are indexed from \(missed >> 20) MiB after their start")
        }
        if search.rowsDropped > 0 {
            reasons.append("\(search.rowsDropped) older lines are counted, not listed")
        }
        let outcome = Outcome(
            reasons.isEmpty || reasons.count == 1 && search.rowsDropped > 0 ? .ok : .partial,
            reason: reasons.joined(separator: "; "),
            rowsDropped: search.rowsDropped
        )
        return (outcome, answer)
    }
}
