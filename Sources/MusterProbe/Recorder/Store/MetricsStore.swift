import CLinux
import Glibc
import MusterCore
import Synchronization

/// Metrics on disk, in a folder of their own and within a bound.
///
/// Whole blocks go into segments, files of about half a megabyte of which the oldest is removed when there are too
/// many; points that are in no whole block yet go, every few seconds, into the tail of their resolution, which is
/// emptied with each whole block. So the end of the process loses what came after the last tail, and nothing else.
/// Nothing is synced: see ``RecordFile``.
///
/// One thread writes, and waits for the disk as long as the disk wants; others read at the same time, and wait for
/// nothing but their own reads.
final class MetricsStore: Sendable {
    /// Counts of what was lost, since the start.
    struct Losses: Hashable, Sendable {
        /// Segments removed before their time because the disk was full.
        var segmentsDropped = 0
        /// Blocks that could not be written at all.
        var blocksUnwritten = 0
        /// Bytes cut off the ends of files that a crash or a bad disk left behind.
        var bytesTorn = 0
        /// Why the last thing that failed did; empty when nothing has.
        var reason = ""
    }

    /// A segment or tail that is being written.
    private struct Output {
        var file: RecordFile
        /// The list of series that was written last.
        var keys: ObjectIdentifier?
        var segment: Segment
        /// Size at which another one is begun.
        var bytesMax: Int
    }

    private struct State {
        var list = SegmentList()
        var open: [MetricsResolution: Output] = [:]
        var tails: [MetricsResolution: Output] = [:]
        var numberNext = 1
        var losses = Losses()

        var bytesUsed: Int {
            let outputs = Array(open.values) + Array(tails.values)
            return list.bytesUsed + outputs.reduce(0) { $0 + $1.file.length }
        }
    }

    /// What others may know of it, while a write hangs as well.
    private struct Published {
        var segments: [Segment] = []
        var losses = Losses()
        var bytesUsed = 0
    }

    private enum Kind {
        static let keys: UInt8 = 1
        static let block: UInt8 = 2
        static let end: UInt8 = 3
        static let frozen: UInt8 = 4
    }

    /// Files that this class reads are its own, and none is larger.
    private static let fileBytesMax = 16 << 20
    private static let endBytes = 16

    let folder: String
    private let bytesMax: Int
    private let write: RecordFile.Write
    private let lock: Int32
    /// Held while the disk is written to.
    private let state = Mutex(State())
    private let published = Mutex(Published())

    /// Opens a folder, made when it is missing, and cuts what is torn.
    ///
    /// Costs two small reads for each segment, and a whole one for those that a crash left open. Throws when the
    /// folder can't be used or another process uses it.
    init(
        folder: String,
        bytesMax: Int,
        write: @escaping RecordFile.Write = { Glibc.write($0, $1, $2) }
    ) throws(ProbeError) {
        self.folder = folder
        self.bytesMax = bytesMax
        self.write = write
        if mkdir(folder, 0o700) != 0, errno != EEXIST {
            throw ProbeError(.unreadable, "\(folder) can't be made: \(systemError(errno))")
        }
        lock = open("\(folder)/lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard lock >= 0 else { throw ProbeError(.unreadable, "\(folder)/lock: \(systemError(errno))") }
        // A program that is just being started holds it for a moment, and an agent that is just ending.
        var triesLeft = 20
        while flock(lock, LOCK_EX | LOCK_NB) != 0, triesLeft > 0 {
            usleep(50_000)
            triesLeft -= 1
        }
        // deinit closes the lock, also when this or what follows throws.
        guard triesLeft > 0 else { throw ProbeError(.unavailable, "\(folder) is in use by another agent") }
        try load()
    }

    deinit { close(lock) }

    var losses: Losses { published.withLock { $0.losses } }

    /// Bytes of all its files.
    var bytesUsed: Int { published.withLock { $0.bytesUsed } }

    /// Changes the state, and then lets others know.
    private func change<Value: Sendable>(_ work: @Sendable (inout State) -> Value) -> Value {
        state.withLock { state in
            let value = work(&state)
            let published = Published(
                segments: state.list.segments + state.open.values.map(\.segment),
                losses: state.losses,
                bytesUsed: state.bytesUsed
            )
            self.published.withLock { $0 = published }
            return value
        }
    }

    // MARK: Writing

    /// Stores points that are in no whole block yet.
    func append(tail block: MetricsBlock, _ resolution: MetricsResolution) {
        change { state in
            store(&state) { state throws(ProbeError) in
                if state.tails[resolution] == nil { try openTail(resolution, length: 0, &state) }
                guard var output = state.tails[resolution] else { return }
                try put(block, to: &output, &state)
                state.tails[resolution] = output
            }
        }
    }

    /// Stores a whole block, and forgets the tail that it takes the place of.
    func append(_ block: MetricsBlock, _ resolution: MetricsResolution) {
        change { state in
            store(&state) { state throws(ProbeError) in
                if state.open[resolution] == nil { try openSegment(resolution, at: block.first, &state) }
                guard var output = state.open[resolution] else { return }
                try put(block, to: &output, &state)
                output.segment.first = min(output.segment.first, block.first)
                output.segment.last = max(output.segment.last, block.last)
                output.segment.bytes = output.file.length
                state.open[resolution] = output
                if output.file.length >= output.bytesMax { seal(resolution, &state) }
            }
            do throws(ProbeError) {
                try state.tails[resolution]?.file.clear()
                state.tails[resolution]?.keys = nil
            } catch {
                state.losses.reason = error.message
            }
        }
    }

    /// Tries twice when the disk was full: once more after the oldest segment has been removed.
    private func store(
        _ state: inout State,
        _ work: (inout State) throws(ProbeError) -> Void
    ) {
        do throws(ProbeError) { return try work(&state) } catch {
            state.losses.reason = error.message
            guard error.code == .full, dropLeastMissed(&state) else {
                state.losses.blocksUnwritten += 1
                return
            }
            state.losses.segmentsDropped += 1
        }
        do throws(ProbeError) { try work(&state) } catch {
            state.losses.reason = error.message
            state.losses.blocksUnwritten += 1
        }
    }

    private func put(
        _ block: MetricsBlock,
        to output: inout Output,
        _ state: inout State
    ) throws(ProbeError) {
        var records = [(kind: Kind.block, body: block.body)]
        let keys = ObjectIdentifier(block.keys)
        if output.keys != keys { records.insert((Kind.keys, block.keys.stored), at: 0) }
        let bytes = records.reduce(RecordFile.magic.count) { $0 + $1.body.count + RecordFile.headBytes }
        while state.bytesUsed + bytes > bytesMax {
            guard dropLeastMissed(&state) else {
                throw ProbeError(.full, "\(folder) may take \(bytesMax) bytes, and none can be spared")
            }
        }
        try output.file.append(records)
        output.keys = keys
    }

    private func dropLeastMissed(_ state: inout State) -> Bool {
        guard let segment = state.list.leastMissed else { return false }
        state.list.remove(segment)
        return unlink("\(folder)/\(segment.name)") == 0
    }

    private func openSegment(
        _ resolution: MetricsResolution,
        at time: Int64,
        _ state: inout State
    ) throws(ProbeError) {
        let segment = Segment(
            resolution: resolution,
            number: state.numberNext,
            bytes: 0,
            first: time,
            last: time
        )
        let file = try RecordFile("\(folder)/\(segment.name)", length: 0, write: write)
        state.numberNext += 1
        // Small enough that there are several, so that the oldest can go, also on a small disk.
        let room = min(bytesMax, state.bytesUsed + Self.freeBytes(folder))
        state.open[resolution] = Output(
            file: file,
            segment: segment,
            bytesMax: min(512 << 10, max(16 << 10, room / 16))
        )
    }

    private func openTail(
        _ resolution: MetricsResolution,
        length: Int,
        _ state: inout State
    ) throws(ProbeError) {
        let file = try RecordFile(tailPath(resolution), length: length, write: write)
        let segment = Segment(resolution: resolution, number: 0, bytes: 0, first: 0, last: 0)
        state.tails[resolution] = Output(file: file, segment: segment, bytesMax: 0)
    }

    private static func freeBytes(_ folder: String) -> Int {
        var status = statvfs()
        guard statvfs(folder, &status) == 0 else { return 0 }
        return Int(clamping: status.f_bavail.multipliedReportingOverflow(by: status.f_frsize).partialValue)
    }

    private func tailPath(_ resolution: MetricsResolution) -> String {
        "\(folder)/metrics-\(resolution.word).tail"
    }

    /// Writes down from when to when the points of a segment are, so that the next start need not look.
    private func seal(_ resolution: MetricsResolution, _ state: inout State) {
        guard var output = state.open.removeValue(forKey: resolution) else { return }
        // Without it the next start has more to read, and nothing is lost.
        try? output.file.append([(Kind.end, Self.end(output.segment))])
        output.segment.bytes = output.file.length
        state.list.add(output.segment)
    }

    private static func end(_ segment: Segment) -> [UInt8] {
        var body: [UInt8] = []
        for time in [segment.first, segment.last] { body.append(moment: time) }
        return body
    }

    // MARK: Freezing

    /// Windows that are kept, at most.
    private static let frozenMax = 16
    /// How long a window is kept after somebody last asked about it.
    private static let frozenNanoseconds: Int64 = 14 * 86_400_000_000_000

    /// Keeps a window from being the first to go: what was asked about belongs to an incident and may be asked about
    /// again, or go into its post-mortem.
    ///
    /// The sixteen windows that were asked about last are kept for two weeks, in a quarter of the folder's bytes.
    func freeze(_ window: TimeWindow) {
        let now = WallMoment.now.nanoseconds
        change { state in
            var frozen = state.list.frozen.filter { now - $0.to.nanoseconds < Self.frozenNanoseconds }
            // Questions about one incident come close together.
            if let known = frozen.firstIndex(where: { $0.from <= window.to && window.from <= $0.to }) {
                let old = frozen.remove(at: known)
                frozen.insert(TimeWindow(from: min(old.from, window.from), to: max(old.to, window.to)), at: 0)
            } else {
                frozen.insert(window, at: 0)
            }
            frozen = Array(frozen.prefix(Self.frozenMax))
            guard frozen != state.list.frozen else { return }
            state.list.frozen = frozen
            state.list.frozenBytesMax = bytesMax / 4
            saveFrozen(frozen, &state.losses)
        }
    }

    private var frozenPath: String { "\(folder)/frozen" }

    private func saveFrozen(_ frozen: [TimeWindow], _ losses: inout Losses) {
        var body: [UInt8] = []
        for window in frozen {
            for time in [window.from, window.to] { body.append(moment: time.nanoseconds) }
        }
        do throws(ProbeError) {
            // Torn, it is as if nothing had been frozen.
            try RecordFile(frozenPath, length: 0, write: write).append([(Kind.frozen, body)])
        } catch { losses.reason = error.message }
    }

    private func loadFrozen() -> [TimeWindow] {
        guard let contents = try? RecordFile.read(frozenPath, bytesMax: 4096),
            let record = contents.records.last, record.kind == Kind.frozen
        else { return [] }
        var reader = StoredReader(contents.bytes, record.body)
        var windows: [TimeWindow] = []
        while windows.count < Self.frozenMax, let from = reader.moment(), let to = reader.moment(), from <= to
        {
            windows.append(TimeWindow(from: Timestamp(nanoseconds: from), to: Timestamp(nanoseconds: to)))
        }
        return windows
    }

    // MARK: Starting

    private func load() throws(ProbeError) {
        let names = try HostFiles().list(folder)
        change { state in
            let found = names.compactMap { name in
                Segment.parse(name).map { (name, $0.resolution, $0.number) }
            }
            for (name, resolution, number) in found.sorted(by: { $0.2 < $1.2 }) {
                state.numberNext = max(state.numberNext, number + 1)
                guard let segment = segment(resolution, number, &state.losses) else {
                    // Nothing in it can be read.
                    unlink("\(folder)/\(name)")
                    continue
                }
                state.list.add(segment)
            }
            state.list.frozen = loadFrozen()
            state.list.frozenBytesMax = bytesMax / 4
        }
    }

    /// What an earlier process left; nil when there is nothing in it.
    private func segment(
        _ resolution: MetricsResolution,
        _ number: Int,
        _ losses: inout Losses
    ) -> Segment? {
        var segment = Segment(resolution: resolution, number: number, bytes: 0, first: .max, last: .min)
        let path = "\(folder)/\(segment.name)"
        if let (first, last, size) = Self.sealed(path) {
            segment.first = first
            segment.last = last
            segment.bytes = size
            return segment
        }
        guard let contents = try? RecordFile.read(path, bytesMax: Self.fileBytesMax) else { return nil }
        for block in Self.blocks(contents) {
            segment.first = min(segment.first, block.first)
            segment.last = max(segment.last, block.last)
        }
        guard segment.first <= segment.last else { return nil }
        segment.bytes = contents.soundBytes
        if contents.isTorn { losses.bytesTorn += contents.bytes.count - contents.soundBytes }
        // Cut, so that the end that says from when to when it is stands behind what is sound.
        if let file = try? RecordFile(path, length: contents.soundBytes, write: write),
            (try? file.append([(Kind.end, Self.end(segment))])) != nil
        {
            segment.bytes = file.length
        }
        return segment
    }

    /// What the record at the end of a segment says; nil when there is no such record.
    private static func sealed(_ path: String) -> (first: Int64, last: Int64, bytes: Int)? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        let size = Int(lseek(descriptor, 0, SEEK_END))
        let wanted = RecordFile.headBytes + endBytes
        guard size >= wanted + RecordFile.magic.count else { return nil }
        var bytes = [UInt8](repeating: 0, count: wanted)
        guard pread(descriptor, &bytes, wanted, off_t(size - wanted)) == wanted else { return nil }
        let contents = RecordFile.contents(of: RecordFile.magic + bytes)
        guard let record = contents.records.first, record.kind == Kind.end, record.body.count == endBytes
        else {
            return nil
        }
        var reader = StoredReader(contents.bytes, record.body)
        guard let first = reader.moment(), let last = reader.moment(), first <= last else { return nil }
        return (first, last, size)
    }

    /// The points that an earlier process stored last and that are in no whole block, oldest first.
    ///
    /// What follows goes behind them.
    func takeTail(_ resolution: MetricsResolution) -> [MetricsBlock] {
        change { state in
            let known = state.list.segments.last { $0.resolution == resolution }?.last ?? .min
            guard let contents = try? RecordFile.read(tailPath(resolution), bytesMax: Self.fileBytesMax)
            else { return [] }
            if contents.isTorn { state.losses.bytesTorn += contents.bytes.count - contents.soundBytes }
            do throws(ProbeError) {
                try openTail(resolution, length: contents.soundBytes, &state)
            } catch {
                state.losses.reason = error.message
            }
            return Self.blocks(contents).filter { $0.first > known }
        }
    }

    // MARK: Reading

    /// The blocks on disk that overlap a window, and whether there were more than may be read at once.
    func blocks(
        _ resolution: MetricsResolution,
        _ window: TimeWindow,
        bytesMax: Int
    ) -> (blocks: [MetricsBlock], isCut: Bool) {
        let segments = published.withLock { $0.segments }.filter { $0.resolution == resolution }
        var blocks: [MetricsBlock] = []
        var left = bytesMax
        // The newest first: they are asked about most.
        for segment in segments.reversed() where segment.overlaps(window) {
            guard segment.bytes <= left else { return (blocks, true) }
            // Removed meanwhile: then it is not there.
            guard
                let contents = try? RecordFile.read("\(folder)/\(segment.name)", bytesMax: Self.fileBytesMax)
            else { continue }
            left -= segment.bytes
            blocks += Self.blocks(contents).filter {
                $0.last >= window.from.nanoseconds && $0.first < window.to.nanoseconds
            }
        }
        return (blocks, false)
    }

    private static func blocks(_ contents: RecordFile.Contents) -> [MetricsBlock] {
        var keys: MetricsSchema.Keys?
        var blocks: [MetricsBlock] = []
        for (number, record) in contents.records.enumerated() {
            switch record.kind {
            case Kind.keys:
                keys = try? MetricsSchema.Keys(stored: contents.bytes, record.body, number: number)
            case Kind.block:
                guard let keys,
                    let block = try? MetricsBlock(body: Array(contents.bytes[record.body]), keys: keys)
                else { continue }
                blocks.append(block)
            default: continue
            }
        }
        return blocks
    }
}
