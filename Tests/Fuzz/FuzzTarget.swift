import MusterAnalysis
import MusterCore
import MusterWire
import MusterYAML

@testable import MusterProbe

/// One parser of bytes from outside, as a fuzzer sees it: whatever the bytes are, it returns.
struct FuzzTarget: Sendable {
    let name: String
    let run: @Sendable (_ bytes: [UInt8]) -> Void

    /// Every parser of bytes that the agent reads, from files, the kernel, servers and its coordinator, everything that the
    /// coordinator takes from an agent, and the diffs of changes.
    static let all: [FuzzTarget] =
        logs + host + files + wire + CoordinatorTargets.all + ChangeTargets.all

    private static let now = Timestamp(seconds: 1_795_600_000)

    private static let logs = [
        FuzzTarget(name: "log-line") { bytes in
            let parser = LogLineParser(zoneOffsetSeconds: 3600)
            for line in bytes.split(separator: 0x0A) { _ = parser.parse(line, now: now) }
        },
        FuzzTarget(name: "log-template") { bytes in
            // A small memory, so that joining and forgetting come soon.
            var miner = LogTemplateMiner(templatesMax: 16)
            let lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
            for (number, line) in lines.enumerated() {
                let slot = miner.learn(line, hasHeader: number.isMultiple(of: 2))
                let text = miner.text(miner.resolve(slot))
                _ = LogTemplateMatch(text).matches(line, hasHeader: number.isMultiple(of: 2))
            }
            miner.settle()
        },
        FuzzTarget(name: "log-regex") { bytes in
            let middle = bytes.firstIndex(of: 0x0A) ?? bytes.count
            let pattern = String(decoding: bytes[..<middle], as: UTF8.self)
            guard let scan = WordScan(RegexWords.required(by: pattern)) else { return }
            (bytes + [UInt8](repeating: 0, count: WordScan.padding)).withUnsafeBufferPointer { padded in
                guard let base = padded.baseAddress else { return }
                var place = middle
                while let found = scan.next(base, from: place, end: bytes.count) { place = found + 1 }
            }
        },
        FuzzTarget(name: "journal-entry") { bytes in
            var line = JournalLine()
            var message: ArraySlice<UInt8> = []
            for field in bytes.split(separator: 0) {
                let name = field.prefix { $0 != UInt8(ascii: "=") }
                let value = field.dropFirst(name.count + 1)
                if let known = JournalLine.fields.first(where: { name.elementsEqual($0.description.utf8) }) {
                    value.withUnsafeBytes { line.take(known, $0) }
                } else {
                    message = value
                }
            }
            var text: [UInt8] = []
            message.withUnsafeBytes { line.append(message: $0, to: &text) }
            // Whatever an entry holds, it becomes one line of the form that is read again.
            precondition(text.firstIndex(of: 0x0A) == text.count - 1 && LogEnvelope(text.dropLast()) != nil)
        },
        FuzzTarget(name: "endpoint-path") { _ = EndpointPath.normalized($0[...]) },
        FuzzTarget(name: "secret-mask") { _ = SecretMask.mask(String(decoding: $0, as: UTF8.self)) },
        FuzzTarget(name: "json-fields") { _ = JSONFields.read($0[...]) { _, _ in } },
    ]

    private static let host = [
        FuzzTarget(name: "package-log") { bytes in
            for line in bytes.split(separator: 0x0A) {
                _ = PackageLog.action(dpkg: line, zoneOffsetSeconds: 3600)?.text
                _ = PackageLog.action(dnf: line)?.text
            }
            _ = PackageLog.runs(apt: bytes[...], zoneOffsetSeconds: -3600)
        },
        FuzzTarget(name: "prometheus-text") { bytes in
            var target = PrometheusTarget(url: "http://127.0.0.1/metrics", name: "x")
            target.seriesMax = 20
            target.drop = ["go_*"]
            var scrape = PrometheusScrape(target)
            for part in bytes.split(separator: 0) {
                let values = scrape.take(part, elapsed: .seconds(15))
                precondition(values.count <= 20 && values.values.allSatisfy(\.isFinite))
            }
        },
        FuzzTarget(name: "proc") { bytes in
            _ = CPUTimes(procStat: bytes)
            _ = MemoryReading(meminfo: bytes)
            _ = LoadReading(loadavg: bytes)
            _ = DiskReading.parse(diskstats: bytes)
            _ = NetworkReading.parse(netDev: bytes)
            _ = Mount.parse(mounts: bytes)
            _ = ProcessReading(stat: bytes)
            _ = SocketReading.parse(procNetTCP: bytes)
            _ = HostFacts.values(osRelease: bytes)
            _ = TCPReading(netSNMP: bytes)
            _ = FileHandlesReading(fileNr: bytes)
        },
    ]

    private static let files = [
        FuzzTarget(name: "recorder-file") { bytes in
            // With checksums that fit, so that what is behind them is reached too.
            for record in RecordFile.contents(of: RecordFile.magic + bytes).records {
                _ = try? MetricsSchema.Keys(stored: bytes, record.body, number: 0)
            }
            var schema = MetricsSchema()
            for index in 0..<8 { _ = schema.slot(MetricKey("load_one", "\(index)")) }
            guard let block = try? MetricsBlock(body: bytes, keys: schema.keys()) else { return }
            for (_, place) in (try? block.columns()) ?? [] { _ = try? block.values(at: place) }
            _ = try? MetricsSchema.Keys(stored: bytes, bytes.indices, number: 0)
        },
        FuzzTarget(name: "unified-diff") { bytes in
            let middle = bytes.firstIndex(of: 0) ?? bytes.count / 2
            _ = UnifiedDiff.text(
                before: Array(bytes[..<middle]),
                after: Array(bytes[middle...]),
                path: "a"
            )
        },
        FuzzTarget(name: "yaml") { _ = try? YAMLReader.read($0, name: "a.yaml") },
    ]

    private static let wire = [
        FuzzTarget(name: "frame") { bytes in
            var decoder = FrameDecoder()
            decoder.append(bytes)
            while let _ = try? decoder.next() {}
        },
        FuzzTarget(name: "sketch") { bytes in
            _ = QuantileSketch(bytes: bytes)
            _ = DistinctSketch(bytes: bytes)
        },
    ]
}
