import MusterAnalysis
import MusterCore
import Synchronization

/// Follows the log files of a host and answers what stands in them and which requests they tell of.
///
/// One thread calls ``tick(now:)``; questions may come from several others.
package final class LogRecorder: Sendable {
    struct State {
        var follower: LogFollower
        var journal: JournalFollower?
        /// Nil when files are followed only as configured.
        var discovery: LogDiscovery?
        /// The input of each file that discovery found.
        var discovered: [String: Int] = [:]
        var record: Record
    }

    /// What was understood of the lines.
    struct Record {
        /// The service of each input's lines, as bytes; empty where they say so themselves.
        var services: [[UInt8]]
        var requests: RequestHistory
        var sampler: LineSampler
        var index = LogIndex()
        /// What kinds of lines there are.
        var miner = LogTemplateMiner()
        var templates = TemplateTally()
        /// Access lines that were not understood, with their moments, the newest few thousand.
        var unparsed: [Timestamp] = []
        /// Time of the oldest line that was read; nil before the first.
        var oldest: Timestamp?
        /// Bytes of complete lines, with their line breaks.
        var bytes = 0
    }

    let files: HostFiles
    private let settings: [LogFileSettings]
    /// The journal that is read besides; nil for none.
    let journal: JournalPlace?
    /// Folder in which what is no plain file is written out.
    let scratch: String
    let parser: LogLineParser
    /// Whether there is anything to read.
    let isConfigured: Bool
    private let began = ContinuousClock.now
    let state: Mutex<State>
    private let lost = Atomic<UInt64>(0)
    private let every = Atomic<Int>(1)
    private let read = Atomic<UInt64>(0)

    /// Bytes read in one tick at most; what is more waits for the next.
    private static let tickBytesMax = 256 << 20
    /// Bytes read before the CPU time is looked at.
    private static let pollBytes = 256 << 10
    /// Lines older than this when they are read are indexed but not counted.
    private static let span = Duration.seconds(86_400)
    private static let unparsedMax = 4_096

    package convenience init(
        files settings: [LogFileSettings],
        host files: HostFiles = HostFiles(),
        zoneOffsetSeconds: Int = 0,
        cpuRatioMax: Double = 0.25,
        journal: JournalPlace? = nil,
        discovers: Bool = false,
        scratch: String = "/tmp"
    ) {
        self.init(
            settings,
            host: files,
            journal: journal,
            discovers: discovers,
            scratch: scratch,
            zoneOffsetSeconds: zoneOffsetSeconds,
            limits: RequestHistory.Limits(),
            cpuRatioMax: cpuRatioMax
        )
    }

    init(
        _ settings: [LogFileSettings],
        host files: HostFiles,
        journal: JournalPlace? = nil,
        discovers: Bool = false,
        scratch: String = "/tmp",
        zoneOffsetSeconds: Int,
        limits: RequestHistory.Limits,
        cpuRatioMax: Double = 0.25
    ) {
        self.files = files
        self.settings = settings
        self.journal = journal
        self.scratch = scratch
        isConfigured = !settings.isEmpty || journal != nil || discovers
        parser = LogLineParser(zoneOffsetSeconds: zoneOffsetSeconds)
        state = Mutex(
            State(
                follower: LogFollower(files: files, inputs: settings.map { [$0.path] }),
                journal: journal.map { JournalFollower($0, in: files) },
                discovery: discovers ? LogDiscovery(files: files) : nil,
                record: Record(
                    services: settings.map { Array($0.service.utf8) },
                    requests: RequestHistory(limits: limits),
                    sampler: LineSampler(ratioMax: cpuRatioMax)
                )
            )
        )
    }

    deinit { state.withLock { $0.follower.close() } }

    /// Lines that were not looked at, and requests that fell out of memory before their day was over, since the
    /// start, as of the last tick.
    ///
    /// Never waits: a log on a disk that hangs holds up a tick, and must hold up nothing else.
    package var linesDropped: UInt64 { lost.load(ordering: .relaxed) }

    /// One line in so many is looked at now; 1 when all are.
    package var linesSampledEvery: Int { every.load(ordering: .relaxed) }

    /// Lines that were read since the start, looked at or not, as of the last tick; never waits.
    package var linesRead: UInt64 { read.load(ordering: .relaxed) }

    /// What following the files lost.
    package var losses: FollowLosses { state.withLock { $0.follower.losses } }

    /// Bytes of complete lines that were read since the start.
    package var bytesFollowed: Int { state.withLock { $0.record.bytes } }

    /// Memory that the counts of requests take.
    package var requestBytes: Int { state.withLock { $0.record.requests.bytesUsed } }

    /// Reads what was written since the last tick.
    package func tick(now: Timestamp) { tick(now: now, cpuSecondsMax: .infinity) }

    /// The same for a question, which has little time, and counts what was written a moment ago too.
    func tickForQuestion() { tick(now: WallMoment.now, cpuSecondsMax: 0.05) }

    private func tick(now: Timestamp, cpuSecondsMax: Double) {
        guard isConfigured else { return }
        let seconds = (ContinuousClock.now - began).inSeconds
        state.withLock { state in
            discover(&state, seconds)
            state.record.sampler.begin(cpu: ThreadTime.seconds, now: seconds, atMost: cpuSecondsMax)
            if follow(&state.follower, &state.record, seconds, now), state.journal != nil {
                follow(&state.journal, &state.record, seconds, now)
            }
            state.record.sampler.end()
            state.record.requests.trim(now: now)
            lost.store(state.record.requests.lost + state.record.sampler.skipped, ordering: .relaxed)
            read.store(state.record.sampler.lines, ordering: .relaxed)
            every.store(state.record.sampler.every, ordering: .relaxed)
        }
    }

    private func discover(_ state: inout State, _ seconds: Double) {
        guard let wasRound = state.discovery?.isRound else { return }
        for found in state.discovery?.step(seconds: seconds) ?? [] {
            let service = Array(found.service.utf8)
            if let input = state.discovered[found.path] {
                state.record.services[input] = service
            } else {
                state.discovered[found.path] = state.follower.add([found.path])
                state.record.services.append(service)
            }
        }
        // After what processes have open, whose service is known.
        if !wasRound, state.discovery?.isRound ?? false {
            _ = state.follower.add(LogDiscovery.patterns)
            state.record.services.append([])
        }
    }

    /// Reads files; false when the tick has to end.
    private func follow(
        _ follower: inout LogFollower,
        _ record: inout Record,
        _ seconds: Double,
        _ now: Timestamp
    ) -> Bool {
        var left = Self.tickBytesMax
        var more = true
        while more, left > 0 {
            more = follower.poll(seconds: seconds, bytesMax: Self.pollBytes) { line in
                left -= line.bytes.count
                record.bytes += line.bytes.count + 1
                guard record.sampler.choose() else { return }
                let parsed = parser.parse(line.bytes, now: now)
                record.index.note(
                    line,
                    at: parsed.at,
                    level: parsed.level,
                    now: now,
                    isSampled: record.sampler.every > 1
                )
                take(parsed, input: line.input, path: line.path, now, &record)
            }
            if !record.sampler.spend(cpu: ThreadTime.seconds) { return false }
        }
        return true
    }

    /// Reads the journal, which finds its entries by time and needs no index.
    private func follow(
        _ journal: inout JournalFollower?,
        _ record: inout Record,
        _ seconds: Double,
        _ now: Timestamp
    ) {
        var more = true
        while more {
            more =
                journal?.poll(seconds: seconds, now: now) { line in
                    record.bytes += line.count + 1
                    guard record.sampler.choose() else { return }
                    take(
                        parser.parse(line, now: now),
                        input: Self.journalInput,
                        path: Self.journalName,
                        now,
                        &record
                    )
                } ?? false
            if !record.sampler.spend(cpu: ThreadTime.seconds) { return }
        }
    }

    private func take(
        _ parsed: ParsedLine,
        input: Int,
        path: String,
        _ now: Timestamp,
        _ record: inout Record
    ) {
        let at = min(parsed.at ?? now, now)
        if record.oldest.map({ at < $0 }) ?? true { record.oldest = at }
        if parsed.isPlain {
            // A stack trace's own lines tell less than the line that they follow.
            let isContinuation =
                parsed.at == nil && parsed.text.first.map { $0 == 0x20 || $0 == 0x09 } ?? true
            if !isContinuation { learn(parsed.text, hasHeader: true, parsed.level, &record) }
        } else if !parsed.message.isEmpty {
            learn(parsed.message, hasHeader: false, parsed.level, &record)
        }
        guard at >= now - Self.span else { return }
        guard let request = parsed.request else {
            if Self.looksLikeAccess(path) {
                if record.unparsed.count >= Self.unparsedMax {
                    record.unparsed.removeFirst(Self.unparsedMax / 2)
                }
                record.unparsed.append(at)
            }
            return
        }
        let own = input == Self.journalInput ? [] : record.services[input]
        record.requests.add(
            at: at,
            now: now,
            service: own.isEmpty ? parsed.service ?? [] : own[...],
            request: request,
            weight: record.sampler.every
        )
    }

    private func learn(
        _ text: ArraySlice<UInt8>,
        hasHeader: Bool,
        _ level: LogLevel?,
        _ record: inout Record
    ) {
        let every = record.sampler.every
        let slot = record.miner.learn(text, hasHeader: hasHeader, weight: every)
        record.templates.count(slot, level: level, weight: every)
    }

    private static func looksLikeAccess(_ path: String) -> Bool {
        path.split(separator: "/").last?.contains("access") ?? false
    }

    // MARK: What is watched

    /// Requests of a few seconds, by endpoint.
    func requests(in window: TimeWindow) -> [EndpointRequests] {
        guard isConfigured else { return [] }
        let history = state.withLock { state in
            state.record.requests.settle()
            return state.record.requests
        }
        return history.count(window: window, service: "", bucketSeconds: 0, mustStop: { false }).rows
            .map(\.requests)
    }

    /// Hands over the lines of each template since the last call, and how the text of a template is looked up.
    func takeTemplates(
        _ body: (_ counts: [(id: UInt64, count: Int, level: LogLevel?)], _ text: (UInt64) -> String?) -> Void
    ) {
        guard isConfigured else { return }
        state.withLock { state in
            let counts = state.record.templates.take(state.record.miner)
            body(counts) { id in state.record.miner.text(id: id) }
        }
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
        guard isConfigured else {
            return (Outcome(.refused, reason: "no logs are configured on this host"), RequestsAnswer())
        }
        return withoutActuallyEscaping(isCancelled) { isCancelled in
            let clock = QuestionClock(budget, isCancelled: isCancelled)
            tickForQuestion()
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
        // A copy: whoever follows the logs does not wait for those who ask.
        let (history, services, stretches, oldest, unparsed, filesRefused) = state.withLock { state in
            state.record.requests.settle()
            let inputs = Self.inputs(of: service, state.record.services)
            return (
                state.record.requests,
                state.record.services,
                salt.isEmpty
                    ? []
                    : state.record.index.stretches(window, level: nil, inputs: inputs) + entries(of: window),
                state.record.oldest,
                state.record.unparsed.count { window.contains($0) },
                state.follower.losses.filesRefused
            )
        }
        var counted = history.count(
            window: window,
            service: service,
            bucketSeconds: bucketSeconds,
            mustStop: { clock.mustStop }
        )
        var reader = RequestReader(
            opened: StretchFiles(files, scratch: scratch, journal: journal, mustStop: { clock.mustStop }),
            parser: parser,
            window: window,
            service: service,
            now: WallMoment.now,
            salt: salt,
            endpoints: history.endpoints,
            mustStop: { clock.mustStop }
        )
        reader.read(stretches.map { ($0, service: $0.isJournal ? [] : services[$0.input]) })
        var answer = RequestsAnswer()
        answer.usersCovered = salt.isEmpty ? 0 : counted.add(reader.users, seen: reader.requestsSeen)
        answer.endpoints = counted.rows.prefix(max(0, budget.rowsMax)).map(\.requests)
        answer.clients = reader.clients
        answer.stepSeconds = Int(counted.stepSeconds)
        answer.sampled = counted.sampled
        // Nothing is kept for longer than the span, whatever the files still hold.
        let kept = max(WallMoment.now - Self.span, history.completeFrom)
        let from = max(window.from, oldest ?? window.to, kept)
        answer.covered = TimeWindow(from: min(from, window.to), to: window.to)
        answer.unparsed = unparsed
        let dropped = counted.rows.count - answer.endpoints.count
        var reasons = reader.reasons
        if !counted.isWhole { reasons.append("not all requests could be counted in time") }
        for stretch in counted.sampled {
            reasons.append(
                "sampled 1 in \(stretch.every) from \(stretch.window.from) to \(stretch.window.to)"
            )
        }
        if kept > window.from, oldest.map({ $0 < kept }) ?? false {
            reasons.append("requests before \(kept) are forgotten")
        }
        if filesRefused > 0 { reasons.append("\(filesRefused) log files are too many to be followed") }
        if dropped > 0 { reasons.append("\(dropped) endpoints with few requests were left out") }
        let outcome = Outcome(
            reasons.isEmpty ? .ok : .partial,
            reason: reasons.joined(separator: "; "),
            rowsDropped: dropped
        )
        return (outcome, answer)
    }

    /// The journal's entries of a window.
    func entries(of window: TimeWindow) -> [LogIndex.Stretch] {
        guard journal != nil else { return [] }
        return [
            LogIndex.Stretch(
                path: Self.journalName,
                device: 0,
                inode: 0,
                input: Self.journalInput,
                from: 0,
                to: nil,
                earliest: window.from,
                latest: window.to,
                isJournal: true
            )
        ]
    }

    /// Inputs that may hold lines of a service: its own, and those of no service, of which the journal is one.
    static func inputs(of service: String, _ services: [[UInt8]]) -> Set<Int> {
        Set(
            services.indices.filter { input in
                service.isEmpty || services[input].isEmpty || services[input].elementsEqual(service.utf8)
            }
        )
    }

    /// The journal's number where files have that of their input.
    private static let journalInput = -1

    /// What the journal is called where files have their path.
    static let journalName = "journal"
}
