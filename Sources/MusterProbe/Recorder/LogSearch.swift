import CLinux
import Glibc
import MusterAnalysis
import MusterCore

/// Reads stretches of log files again and gathers the lines that are asked for.
///
/// A block is first searched for the bytes that a matching line must hold; only where they stand a line is looked
/// at. So the cost is that of reading for all lines but those that match.
package struct LogSearch {
    let files: HostFiles
    private let opened: StretchFiles
    let parser: LogLineParser
    let query: LogQuery
    let mustStop: () -> Bool

    private let filter: LineFilter
    private var tally: LogTally
    private let wanted: LogTemplateMatch?
    private var kept: KeptLines
    private var blocks = LogBlocks()
    private var scanned = 0
    private(set) package var reasons: [String] = []

    /// The files and the names of the services that found lines are of.
    private var sources: [LogIndex.Stretch] = []
    private var services: [String] = []
    /// The service of the last line that named one.
    private var lastService: (bytes: [UInt8], number: Int)?

    /// The last line whose time is known, and that time: lines without one of their own belong to the line before.
    private var anchor: (offset: Int, at: Timestamp?)?
    private static let isWide = muster_scan_is_wide()
    private var descriptor: Int32 = -1
    /// Compressed files that are among what is searched.
    private var compressed: Set<String> = []
    private var linesLooked = 0
    private var isStopped = false

    /// Bytes before a line in which a time that it belongs to is looked for.
    private static let lookBackBytes = 64 << 10

    /// Prepares a search; throws when the query can't be understood.
    ///
    /// `scratch` is a folder in which compressed files are inflated.
    package init(
        files: HostFiles,
        parser: LogLineParser,
        query: LogQuery,
        miner: LogTemplateMiner = LogTemplateMiner(),
        scratch: String = "/tmp",
        mustStop: @escaping () -> Bool
    ) throws(ProbeError) {
        try self.init(
            files: files,
            opened: StretchFiles(files, scratch: scratch, mustStop: mustStop),
            parser: parser,
            query: query,
            miner: miner,
            mustStop: mustStop
        )
    }

    /// The same with files that the question has opened before.
    init(
        files: HostFiles,
        opened: StretchFiles,
        parser: LogLineParser,
        query: LogQuery,
        miner: LogTemplateMiner,
        mustStop: @escaping () -> Bool
    ) throws(ProbeError) {
        self.files = files
        self.opened = opened
        self.parser = parser
        self.query = query
        self.mustStop = mustStop
        filter = try LineFilter(query)
        tally = LogTally(bucketSeconds: query.refinement.bucketSeconds, miner: miner)
        let template = query.refinement.template
        wanted = template.isEmpty ? nil : LogTemplateMatch(template)
        kept = KeptLines(query.refinement.order, linesMax: query.rowsMax, bytesMax: query.linesBytesMax)
    }

    /// Lines left out of the answer because of the budget.
    package var rowsDropped: Int { max(0, kept.offered - kept.lines.count) }

    /// Searches the stretches, each with the service that its file belongs to, the newest first: they matter most
    /// when there is not time for all.
    mutating func search(_ stretches: [(LogIndex.Stretch, service: String)]) {
        var left = query.bytesMax
        var covered = query.window.from
        // The last of equals first, for one file's stretches stand in its order.
        let order = stretches.indices.sorted {
            (stretches[$1].0.latest, $1) < (stretches[$0].0.latest, $0)
        }
        compressed = Set(stretches.lazy.filter(\.0.isGzip).map(\.0.path))
        var unread: [String: Int] = [:]
        for index in order {
            let (stretch, service) = stretches[index]
            isStopped = isStopped || left <= 0 || mustStop()
            if !isStopped { look(stretch, service, &left) }
            guard isStopped else { continue }
            unread[stretch.path, default: 0] += 1
            covered = max(covered, stretch.latest)
        }
        if let reason = filter.reason { reasons.append(reason) }
        reasons += opened.flaws
        let want = left <= 0 ? " for want of budget" : filter.isTooDear ? "" : " for want of time"
        for path in unread.keys.sorted().prefix(8) {
            reasons.append("\(path) was not read to its start\(want)")
        }
        if blocks.linesCut > 0 {
            reasons.append("\(blocks.linesCut) lines were looked at only in their first 4 MiB")
        }
        if isStopped { coveredFrom = min(covered, query.window.to) }
    }

    /// Searches one file as it is, without an index.
    ///
    /// Throws when it is not there or can't be read.
    package mutating func search(file path: String, service: String = "") throws(ProbeError) {
        guard let status = files.status(path), status.isRegular else {
            throw ProbeError(.missing, "\(path) is no file that can be read")
        }
        search(LogIndex.Stretch.whole(path, status, input: 0).map { ($0, service: service) })
    }

    /// From when on everything was looked at; nil for the whole window.
    private var coveredFrom: Timestamp?

    /// What was found: lines oldest first, templates most frequent first.
    package mutating func finish() -> LogsAnswer {
        kept.finish()
        var answer = tally.finish(services: services)
        answer.scanned = scanned
        answer.summary.covered = coveredFrom.map { TimeWindow(from: $0, to: query.window.to) }
        answer.lines = kept.lines.map { line in
            LogLine(
                at: line.at,
                file: sources[line.file].path,
                offset: line.offset,
                level: line.level,
                text: String(decoding: SecretMask.mask(kept.text(line)), as: UTF8.self),
                service: services[line.service]
            )
        }
        addContext(to: &answer.lines)
        if answer.summary.unclassified > 0 {
            reasons.append("\(answer.summary.unclassified) lines of rare templates are not listed")
        }
        return answer
    }

    /// Reads the lines before and after those that are listed, of so many of them at most.
    private mutating func addContext(to lines: inout [LogLine]) {
        let wanted = min(query.refinement.contextLines, LogRefinement.contextLinesMax)
        guard wanted > 0 else { return addTraces(to: &lines) }
        var missed = max(0, lines.count - LogContext.linesMax)
        for (index, line) in kept.lines.enumerated().suffix(LogContext.linesMax) {
            guard !mustStop(), let descriptor = try? opened.open(sources[line.file]) else {
                missed += 1
                continue
            }
            let context = LogContext(descriptor, around: line.offset, lines: wanted)
            close(descriptor)
            lines[index].before = context.before
            lines[index].after = context.after
        }
        if missed > 0 { reasons.append("\(missed) lines are told without those around them") }
    }

    /// Adds what belongs to the lines that tell of trouble: the stack traces behind them.
    private func addTraces(to lines: inout [LogLine]) {
        var left = query.linesBytesMax / 2
        for (index, line) in kept.lines.enumerated().suffix(LogContext.linesMax) {
            guard let level = line.level, level >= .warning, left > 0, !mustStop(),
                let descriptor = try? opened.open(sources[line.file])
            else { continue }
            let trace = LogContext.continuation(descriptor, of: line.offset, parser: parser, now: query.now)
            close(descriptor)
            guard !trace.isEmpty else { continue }
            left -= trace.reduce(0) { $0 + $1.utf8.count }
            lines[index].after = trace
        }
    }

    // MARK: Reading

    private mutating func look(_ stretch: LogIndex.Stretch, _ service: String, _ left: inout Int) {
        do throws(ProbeError) { descriptor = try opened.open(stretch) } catch {
            // A rotated file that was compressed since is read there.
            let isElsewhere =
                error.code == .missing
                && compressed.contains { RotatedSiblings.isSibling($0, of: stretch.path) }
            if !isElsewhere, reasons.last != error.message { reasons.append(error.message) }
            return
        }
        defer {
            close(descriptor)
            descriptor = -1
        }
        let (from, to) = stretch.range(in: descriptor)
        guard to.map({ from < $0 }) ?? true else { return }
        anchor = nil
        let own = service.isEmpty ? nil : number(of: service, in: &services)
        let file = number(of: stretch)
        blocks.begin(descriptor, from: from, to: to)
        while blocks.next() {
            left -= blocks.blockCount
            searchBlock(file: file, own: own)
            isStopped = isStopped || filter.isTooDear || mustStop()
            if isStopped || left <= 0 { break }
        }
        // The budget may end just where the stretch does.
        if left <= 0, !(to.map { blocks.blockStart + blocks.blockCount >= $0 } ?? false) { isStopped = true }
        if blocks.failure != 0 {
            reasons.append("\(stretch.path) could not be read: \(systemError(blocks.failure))")
        }
    }

    private func bytes(at offset: Int, count: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { buffer, used in
            used = max(0, pread(descriptor, buffer.baseAddress, count, offset))
        }
    }

    // MARK: Searching

    private mutating func searchBlock(file: Int, own: Int?) {
        // Let go at the end, before the next block is read into the same memory.
        let buffer = blocks.buffer
        let end = blocks.blockCount
        scanned += buffer.withUnsafeBufferPointer { bytes in
            bytes.baseAddress.map { muster_count($0, end, 0x0A, Self.isWide) } ?? 0
        }
        if end > 0, buffer[end - 1] != 0x0A { scanned += 1 }
        var place = 0
        while place < end, let line = filter.next(buffer, from: place, end: end) {
            place = line.upperBound + 1
            linesLooked += 1
            // A crafted line may be dear; the deadline is the host's, not the block's.
            if linesLooked & 0x3F == 0, mustStop() {
                isStopped = true
                return
            }
            take(buffer, line, file: file, own: own)
        }
    }

    private mutating func take(_ buffer: [UInt8], _ range: Range<Int>, file: Int, own: Int?) {
        let whole = buffer[range].asLogged
        guard !whole.isEmpty else { return }
        let line = whole.prefix(FollowedFile.lineBytesMax)
        if let plain = parser.plain(line, now: query.now) {
            guard isGrave(plain.level), let at = timeInWindow(plain.at, range.lowerBound, buffer),
                wanted?.matches(line, hasHeader: true) ?? true,
                let service = wantedService(own, named: [])
            else { return }
            tally.count(plain: line, level: plain.level, at: at, service: service)
            keep(line, at, file, range, plain.level, service)
        } else {
            let parsed = parser.parse(line, now: query.now)
            guard isGrave(parsed.level), let at = timeInWindow(parsed.at, range.lowerBound, buffer),
                isWanted(parsed), let service = wantedService(own, named: parsed.service ?? [])
            else { return }
            tally.count(parsed, line, at: at, service: service)
            keep(line, at, file, range, parsed.level, service)
        }
    }

    private func isGrave(_ level: LogLevel?) -> Bool {
        query.level.map { wanted in level.map { $0 >= wanted } ?? false } ?? true
    }

    /// A line's time when it is of the window; a line whose time can't be known may be.
    private mutating func timeInWindow(_ own: Timestamp?, _ start: Int, _ buffer: [UInt8]) -> Timestamp? {
        let at = time(own, at: start, in: buffer) ?? query.window.from
        return query.window.contains(at) ? at : nil
    }

    /// The number of a line's service; nil when that is not asked for.
    private mutating func wantedService(_ own: Int?, named bytes: ArraySlice<UInt8>) -> Int? {
        let service = own ?? self.service(named: bytes)
        let isWanted =
            query.service.isEmpty || services[service].isEmpty || services[service] == query.service
        return isWanted ? service : nil
    }

    private mutating func keep(
        _ line: ArraySlice<UInt8>,
        _ at: Timestamp,
        _ file: Int,
        _ range: Range<Int>,
        _ level: LogLevel?,
        _ service: Int
    ) {
        kept.offer(
            line,
            at: at,
            file: file,
            offset: blocks.blockStart + range.lowerBound,
            level: level,
            service: service
        )
    }

    /// Whether a line is of the template that is asked for, if one is.
    private func isWanted(_ parsed: ParsedLine) -> Bool {
        guard let wanted else { return true }
        if let request = parsed.request, parsed.message.isEmpty {
            return SecretMask.mask(LogTally.pattern(of: request)) == query.refinement.template
        }
        return parsed.isPlain
            ? wanted.matches(parsed.text, hasHeader: true) : wanted.matches(parsed.message, hasHeader: false)
    }

    /// The line's own time, or that of the nearest line before it that has one.
    private mutating func time(_ own: Timestamp?, at start: Int, in buffer: [UInt8]) -> Timestamp? {
        let offset = blocks.blockStart + start
        if let own {
            anchor = (offset, own)
            return own
        }
        let at = timeBefore(start, in: buffer)
        anchor = (offset, at)
        return at
    }

    private func timeBefore(_ start: Int, in buffer: [UInt8]) -> Timestamp? {
        var end = start
        while end > 0, start - end < Self.lookBackBytes {
            let from = buffer.withUnsafeBufferPointer { bytes in
                bytes.baseAddress.map { muster_last($0, end - 1, 0x0A) + 1 } ?? 0
            }
            if let anchor, anchor.offset >= blocks.blockStart + from { return anchor.at }
            let line = buffer[from..<(end - 1)].asLogged.prefix(FollowedFile.lineBytesMax)
            if let at = parser.time(of: line, now: query.now) { return at }
            end = from
        }
        guard end == 0, blocks.blockStart > 0 else { return nil }
        // Not in this block: in the file before it.
        let before = bytes(
            at: max(0, blocks.blockStart - Self.lookBackBytes),
            count: min(blocks.blockStart, Self.lookBackBytes)
        )
        for line in before.split(separator: 0x0A).reversed() {
            let line = line.asLogged.prefix(FollowedFile.lineBytesMax)
            if let at = parser.time(of: line, now: query.now) { return at }
        }
        return nil
    }

    private mutating func number(of stretch: LogIndex.Stretch) -> Int {
        if let known = sources.lastIndex(where: { $0.inode == stretch.inode && $0.device == stretch.device })
        {
            return known
        }
        sources.append(stretch)
        return sources.count - 1
    }

    private mutating func service(named bytes: ArraySlice<UInt8>) -> Int {
        if let lastService, lastService.bytes.elementsEqual(bytes) { return lastService.number }
        let number = number(of: String(decoding: bytes.prefix(128), as: UTF8.self), in: &services)
        lastService = (Array(bytes), number)
        return number
    }

    private func number(of name: String, in names: inout [String]) -> Int {
        if let known = names.lastIndex(of: name) { return known }
        names.append(name)
        return names.count - 1
    }
}

extension ArraySlice<UInt8> {
    /// The line without what it is not: a carriage return, and the hole of zeros that a writer leaves who kept
    /// its place while the file was emptied.
    var asLogged: ArraySlice<UInt8> {
        var line = drop { $0 == 0 }
        if line.last == 0x0D { line.removeLast() }
        return line
    }
}
