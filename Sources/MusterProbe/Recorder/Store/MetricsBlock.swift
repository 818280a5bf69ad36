import MusterCore

/// The two resolutions in which metrics are kept.
enum MetricsResolution: UInt8, Sendable, CaseIterable {
    case second = 1
    case tenSeconds = 2

    /// Time between two points.
    var interval: Duration { self == .second ? .seconds(1) : .seconds(10) }

    /// How far back it is kept in memory; on disk it goes as far as there is room.
    var memorySpan: Duration { self == .second ? .seconds(3600) : .seconds(24 * 3600) }

    /// Points of a block.
    static let blockPoints = 60
}

/// A stretch of all series, compressed: the same bytes in memory and on disk.
///
/// The body is: number of points, length of the times, times; then for each series that has values its slot as the
/// distance to the one before, the length of its column, and the column (see ``ColumnCodec``). Numbers are LEB128.
struct MetricsBlock: Sendable {
    let keys: MetricsSchema.Keys
    let body: [UInt8]
    /// The times of the first and the last point.
    let first: Int64
    let last: Int64
    let count: Int

    /// Compresses points.
    ///
    /// - Parameters:
    ///   - times: Of the points, in nanoseconds.
    ///   - keys: What is in which slot.
    ///   - column: The values of a slot, as many as there are times.
    init(times: [Int64], keys: MetricsSchema.Keys, column: (Int) -> ArraySlice<Double>) {
        var body: [UInt8] = []
        body.append(varint: times.count)
        var writer = BitWriter()
        ColumnCodec.encode(times: times, to: &writer)
        writer.finish()
        body.append(varint: writer.bytes.count)
        body.append(contentsOf: writer.bytes)
        var before = -1
        for slot in keys.keys.indices {
            let values = column(slot)
            guard values.contains(where: { !$0.isNaN }) else { continue }
            writer.removeAll()
            ColumnCodec.encode(values, to: &writer)
            writer.finish()
            body.append(varint: slot - before)
            body.append(varint: writer.bytes.count)
            body.append(contentsOf: writer.bytes)
            before = slot
        }
        self.keys = keys
        // Blocks are kept for long: an array that grew holds up to twice what it needs.
        self.body = [UInt8](unsafeUninitializedCapacity: body.count) { buffer, count in
            count = body.withUnsafeBufferPointer { buffer.initialize(fromContentsOf: $0) }
        }
        first = times.min() ?? 0
        last = times.max() ?? 0
        count = times.count
    }

    /// A stored block; throws `malformed`.
    init(body: [UInt8], keys: MetricsSchema.Keys) throws(ProbeError) {
        let times = try Self.head(body).times
        self.keys = keys
        self.body = body
        first = times.min() ?? 0
        last = times.max() ?? 0
        count = times.count
    }

    /// Memory that it takes, the shared keys left out.
    var memoryBytes: Int { body.count + 96 }

    /// Its points in time, in the order of recording.
    func times() throws(ProbeError) -> [Int64] { try Self.head(body).times }

    /// Where the column of each series is that has values in it.
    func columns() throws(ProbeError) -> [(slot: Int, place: Range<Int>)] {
        var reader = try Self.head(body).rest
        var columns: [(slot: Int, place: Range<Int>)] = []
        var slot = -1
        while reader.left > 0 {
            guard let step = reader.varint(), let size = reader.varint(), let place = reader.skip(size),
                step > 0, step <= keys.keys.count - 1 - slot
            else { throw ProbeError(.malformed, "a block with a broken column") }
            slot += step
            columns.append((slot, place))
        }
        return columns
    }

    /// The values of a column, NaN where there is none.
    func values(at place: Range<Int>) throws(ProbeError) -> [Double] {
        var reader = BitReader(body, place)
        return try ColumnCodec.decode(count: count, from: &reader)
    }

    private static func head(_ body: [UInt8]) throws(ProbeError) -> (times: [Int64], rest: StoredReader) {
        var reader = StoredReader(body, body.indices)
        guard let count = reader.varint(), (1...ColumnCodec.countMax).contains(count),
            let size = reader.varint(), let place = reader.skip(size)
        else { throw ProbeError(.malformed, "a block with a broken head") }
        var bits = BitReader(body, place)
        return (try ColumnCodec.decodeTimes(count: count, from: &bits), reader)
    }
}

extension MetricsSchema.Keys {
    /// As it is stored: for each series its cadence, name and subject.
    var stored: [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(varint: keys.count)
        for (key, cadence) in zip(keys, cadences) {
            bytes.append(cadence.rawValue)
            bytes.append(text: key.name)
            bytes.append(text: key.subject)
        }
        return bytes
    }

    /// A stored list; throws `malformed`.
    convenience init(stored bytes: [UInt8], _ place: Range<Int>, number: Int) throws(ProbeError) {
        var reader = StoredReader(bytes, place)
        var keys: [MetricKey] = []
        var cadences: [MetricCadence] = []
        guard let count = reader.varint(), count <= MetricsSchema.seriesMax else {
            throw ProbeError(.malformed, "a list of series with a broken head")
        }
        for _ in 0..<count {
            guard let byte = reader.byte(), let cadence = MetricCadence(rawValue: byte),
                let name = reader.text(), let subject = reader.text()
            else { throw ProbeError(.malformed, "a list of series that ends early") }
            keys.append(MetricKey(name, subject))
            cadences.append(cadence)
        }
        self.init(keys, cadences, number: number)
    }
}
