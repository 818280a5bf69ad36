import Glibc
import MusterCore
import MusterTesting
import Synchronization
import Testing

@testable import MusterProbe

/// What is on disk survives crashes, full disks and damage, and says what it lost.
@Suite("Metrics on disk")
struct MetricsStoreTests {
    private static let start = Timestamp(seconds: 1_800_000_000)
    private static let resolution = MetricsResolution.second

    /// A block of sixty points of three series, told apart by its number.
    private static func block(_ number: Int, _ keys: MetricsSchema.Keys) -> MetricsBlock {
        let times = (0..<60).map { start.nanoseconds + Int64(number * 60 + $0) * 1_000_000_000 }
        return MetricsBlock(times: times, keys: keys) { slot in
            (0..<60).map { Double((number * 1009 + slot * 131 + $0) * 7919 % 104_729) }[...]
        }
    }

    private static func keys(_ count: Int = 3) -> MetricsSchema.Keys {
        var schema = MetricsSchema()
        for index in 0..<count { _ = schema.slot(MetricKey("load_one", "s\(index)")) }
        return schema.keys()
    }

    private static let always = TimeWindow(from: .zero, to: Timestamp(nanoseconds: .max))

    private static func stored(_ folder: String) throws -> [MetricsBlock] {
        try MetricsStore(folder: folder, bytesMax: 64 << 20).blocks(resolution, always, bytesMax: 64 << 20)
            .blocks
    }

    @Test("A segment cut at any byte gives back every whole block before the cut, and counts what was torn")
    func truncation() throws {
        let directory = try TemporaryDirectory()
        let folder = "\(directory.root)/whole"
        let keys = Self.keys()
        let blocks = (0..<6).map { Self.block($0, keys) }
        do {
            let store = try MetricsStore(folder: folder, bytesMax: 64 << 20)
            for block in blocks { store.append(block, Self.resolution) }
        }
        let name = "metrics-1s-00000001.seg"
        let bytes = try HostFiles().read("\(folder)/\(name)", bytesMax: 1 << 20)
        let whole = RecordFile.contents(of: bytes)
        // The list of series, then the blocks.
        let ends = whole.records.filter { $0.kind == 2 }.map(\.body.upperBound)
        try #require(ends.count == blocks.count)
        for cut in 0...bytes.count {
            let place = "\(directory.root)/cut"
            mkdir(place, 0o700)
            try write(bytes[..<cut], to: "\(place)/\(name)")
            let store = try MetricsStore(folder: place, bytesMax: 64 << 20)
            let found = store.blocks(Self.resolution, Self.always, bytesMax: 64 << 20).blocks
            let expected = ends.count { $0 <= cut }
            #expect(found.map(\.body) == blocks.prefix(expected).map(\.body))
            if expected > 0 {
                let sound = whole.records.map(\.body.upperBound).last { $0 <= cut } ?? 0
                #expect(store.losses.bytesTorn == cut - sound)
            }
            try remove(place)
        }
    }

    @Test("A byte that flips on disk costs what comes after it, and never gives a wrong value")
    func flippedByte() throws {
        let directory = try TemporaryDirectory()
        let folder = "\(directory.root)/a"
        let keys = Self.keys()
        let blocks = (0..<4).map { Self.block($0, keys) }
        do {
            let store = try MetricsStore(folder: folder, bytesMax: 64 << 20)
            for block in blocks { store.append(block, Self.resolution) }
        }
        let path = "\(folder)/metrics-1s-00000001.seg"
        let bytes = try HostFiles().read(path, bytesMax: 1 << 20)
        for place in bytes.indices {
            var damaged = bytes
            damaged[place] ^= 0x10
            try write(damaged[...], to: path)
            let found = try Self.stored(folder).map(\.body)
            #expect(found == blocks.prefix(found.count).map(\.body))
        }
    }

    @Test("A disk that fills drops the oldest, counts it, and goes on")
    func fullDisk() throws {
        let directory = try TemporaryDirectory()
        let room = Mutex(2_000_000)
        // A disk that takes so many bytes and gives them back with the files that are removed.
        let used = "\(directory.root)/store"
        let store = try MetricsStore(folder: used, bytesMax: 64 << 20) { descriptor, bytes, count in
            let free = room.withLock { $0 } - ((try? size(of: used)) ?? 0)
            guard free > 0 else {
                errno = ENOSPC
                return -1
            }
            return Glibc.write(descriptor, bytes, min(count, free))
        }
        let keys = Self.keys(40)
        for number in 0..<800 { store.append(Self.block(number, keys), Self.resolution) }
        #expect(store.losses.segmentsDropped > 0)
        #expect(store.losses.reason.contains("No space left"))
        #expect(try size(of: used) <= 2_000_000)
        let found = store.blocks(Self.resolution, Self.always, bytesMax: 64 << 20).blocks
            .sorted { $0.first < $1.first }
        // All that is left is whole, and is the newest.
        let left = found.map { Int(($0.first - Self.start.nanoseconds) / 60_000_000_000) }
        #expect(
            left
                == Array(
                    (800 - left.count - store.losses.blocksUnwritten)..<(800 - store.losses.blocksUnwritten)
                )
        )
        #expect(left.count > 5)
        // With room again nothing more is lost.
        let before = store.losses
        room.withLock { $0 = 1 << 30 }
        for number in 800..<840 { store.append(Self.block(number, keys), Self.resolution) }
        #expect(store.losses == before)
    }

    @Test("A real file system that is full loses the oldest and keeps the newest", .enabled(if: canMount))
    func fullFileSystem() throws {
        let directory = try TemporaryDirectory()
        let mount = "\(directory.root)/disk"
        mkdir(mount, 0o700)
        try #require(mountTemporary(mount, bytes: 128 << 10))
        defer { umount2(mount, Int32(MNT_DETACH)) }
        let store = try MetricsStore(folder: "\(mount)/store", bytesMax: 64 << 20)
        let keys = Self.keys(40)
        for number in 0..<400 { store.append(Self.block(number, keys), Self.resolution) }
        #expect(store.losses.segmentsDropped > 0)
        #expect(store.losses.blocksUnwritten == 0)
        let found = store.blocks(Self.resolution, Self.always, bytesMax: 64 << 20).blocks
        #expect(found.contains { $0.body == Self.block(399, keys).body })
    }

    @Test("The bound in bytes holds, and windows that were asked about go last")
    func freeze() throws {
        let directory = try TemporaryDirectory()
        let folder = "\(directory.root)/store"
        let keys = Self.keys(40)
        let now = WallMoment.now
        let asked = TimeWindow(from: Self.start + .seconds(60), to: Self.start + .seconds(300))
        // The clock of the test's blocks lies ahead of that of the store, which forgets what is two weeks old.
        try #require(now < Self.start + .seconds(14 * 86_400))
        do {
            let store = try MetricsStore(folder: folder, bytesMax: 400_000)
            store.freeze(asked)
            for number in 0..<300 { store.append(Self.block(number, keys), Self.resolution) }
            #expect(store.bytesUsed <= 400_000)
        }
        // Also after a restart.
        let store = try MetricsStore(folder: folder, bytesMax: 400_000)
        for number in 300..<900 { store.append(Self.block(number, keys), Self.resolution) }
        #expect(store.bytesUsed <= 400_000)
        let found = store.blocks(Self.resolution, Self.always, bytesMax: 64 << 20).blocks
        let numbers = Set(found.map { Int(($0.first - Self.start.nanoseconds) / 60_000_000_000) })
        #expect(numbers.isSuperset(of: 1...4))
        #expect(!numbers.contains(100))
        #expect(numbers.contains(899))
    }

    @Test(
        "What a crash leaves on disk is taken up again: it loses the last seconds, and the answer says which"
    )
    func crash() throws {
        let directory = try TemporaryDirectory()
        let folder = "\(directory.root)/store"
        var configuration = RecorderConfiguration()
        configuration.folder = folder
        let recorder = MetricsRecorder(reader: HostReader(), configuration: configuration)
        for second in 0..<3_004 {
            recorder.record(
                [MetricKey("cpu_busy_ratio"): Double(second % 50) / 64],
                at: Self.start + .seconds(second)
            )
            if second % 50 == 0 { recorder.finishWriting() }
        }
        recorder.finishWriting()
        // The files as they are at this moment, for a process that ends now closes nothing.
        let copy = "\(directory.root)/copy"
        try copyFolder(folder, to: copy)
        configuration.folder = copy
        let next = MetricsRecorder(reader: HostReader(), configuration: configuration)
        for second in 3_100..<3_200 {
            next.record([MetricKey("cpu_busy_ratio"): 0.5], at: Self.start + .seconds(second))
        }
        next.finishWriting()
        let window = TimeWindow(from: Self.start, to: Self.start + .seconds(3_200))
        var recording = next.recording(window)
        let found = recording.series(MetricKey("cpu_busy_ratio"))
        let series = try #require(found)
        let inside = series.at[series.windowStart...].map { ($0 - Self.start).inSeconds }
        // At most five seconds before the end are lost, none is there twice.
        let old = inside.filter { $0 < 3_050 }
        #expect(old.count >= 2_999)
        #expect(Set(old).count == old.count)
        #expect(inside.filter { $0 >= 3_100 }.count == 100)
        let gaps = recording.gaps(now: window.to)
        #expect(gaps.count == 1)
        let gap = try #require(gaps.first)
        #expect((2_998...3_004).contains((gap.from - Self.start).inSeconds))
        #expect((gap.to - Self.start).inSeconds == 3_100)
        #expect(next.losses?.bytesTorn == 0)
    }

    @Test("Two agents don't write into one folder")
    func lock() throws {
        let directory = try TemporaryDirectory()
        let store = try MetricsStore(folder: directory.root, bytesMax: 1 << 20)
        #expect(throws: ProbeError.self) { try MetricsStore(folder: directory.root, bytesMax: 1 << 20) }
        withExtendedLifetime(store) {}
    }

    @Test("Columns of any values come back bit for bit")
    func columns() throws {
        var random = SplitMix64(seed: 11)
        for round in 0..<400 {
            let count = Int.random(in: 1...200, using: &random)
            let values = (0..<count).map { index -> Double in
                switch round % 5 {
                case 0: Double(Int.random(in: -9...9, using: &random)) / 64
                case 1: Double.random(in: -1e9...1e9, using: &random)
                case 2: Bool.random(using: &random) ? .nan : Double(index)
                case 3: Double(bitPattern: UInt64.random(in: 0...(.max), using: &random))
                default: 42
                }
            }
            .map { $0.isNaN ? .nan : $0 }
            var writer = BitWriter()
            ColumnCodec.encode(values[...], to: &writer)
            writer.finish()
            var reader = BitReader(writer.bytes, writer.bytes.indices)
            let back = try ColumnCodec.decode(count: count, from: &reader)
            #expect(back.map(\.bitPattern) == values.map(\.bitPattern))
        }
    }

    // MARK: Files

    private func write(_ bytes: ArraySlice<UInt8>, to path: String) throws {
        let file = try #require(fopen(path, "w"))
        defer { fclose(file) }
        let count = bytes.withUnsafeBytes { fwrite($0.baseAddress, 1, $0.count, file) }
        try #require(count == bytes.count)
    }

    private func remove(_ folder: String) throws {
        for name in try HostFiles().list(folder) { unlink("\(folder)/\(name)") }
        rmdir(folder)
    }

    private func copyFolder(_ from: String, to target: String) throws {
        mkdir(target, 0o700)
        for name in try HostFiles().list(from) where name != "lock" {
            try write(HostFiles().read("\(from)/\(name)", bytesMax: 64 << 20)[...], to: "\(target)/\(name)")
        }
    }
}

/// Bytes of the files in a folder.
private func size(of folder: String) throws -> Int {
    try HostFiles().list(folder).reduce(0) { $0 + (HostFiles().status("\(folder)/\($1)")?.size ?? 0) }
}

private func mountTemporary(_ path: String, bytes: Int) -> Bool {
    mount("tmpfs", path, "tmpfs", 0, "size=\(bytes)") == 0
}

/// Whether this process may mount a file system of its own.
private let canMount: Bool = {
    guard let directory = try? TemporaryDirectory(), mountTemporary(directory.root, bytes: 4096) else {
        return false
    }
    return umount2(directory.root, Int32(MNT_DETACH)) == 0
}()
