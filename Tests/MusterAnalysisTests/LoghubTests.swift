import Glibc
import Testing

@testable import MusterAnalysis

/// Grouping accuracy on labelled logs of several systems, which lie beside the project.
@Suite("Labelled logs")
struct LoghubTests {
    private static let folder = "../shared/data/loghub"
    private static let systems = [
        "Android", "Apache", "BGL", "HDFS", "HealthApp", "OpenSSH", "Proxifier", "Zookeeper",
    ]
    private static let isThere = access("\(folder)/HDFS/truth.csv", R_OK) == 0

    @Test(
        "One configuration groups whole lines and messages of every system as people did",
        .enabled(if: isThere, "the labelled logs are not at ../shared/data/loghub")
    )
    func accuracy() throws {
        var raw: [(ga: Double, fga: Double)] = []
        var content: [(ga: Double, fga: Double)] = []
        for system in Self.systems {
            let truth = try Self.rows("\(Self.folder)/\(system)/truth.csv")
            let columns = truth[0]
            let event = try #require(columns.firstIndex(of: "EventId"))
            let message = try #require(columns.firstIndex(of: "Content"))
            let events = truth.dropFirst().map { $0[event] }
            var lines = try Self.bytes("\(Self.folder)/\(system)/\(system)_2k.log")
                .split(separator: 0x0A, omittingEmptySubsequences: false).map { Array($0) }
            if lines.last?.isEmpty == true { lines.removeLast() }
            try #require(lines.count == events.count)
            raw.append(Self.score(lines, hasHeader: true, events))
            content.append(
                Self.score(truth.dropFirst().map { Array($0[message].utf8) }, hasHeader: false, events)
            )
        }
        func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }
        #expect(mean(content.map(\.ga)) >= 0.97)
        #expect(mean(content.map(\.fga)) >= 0.92)
        #expect(mean(raw.map(\.ga)) >= 0.97)
        #expect(mean(raw.map(\.fga)) >= 0.92)
        // Not only on average.
        #expect((raw + content).allSatisfy { $0.ga >= 0.9 })
    }

    /// Grouping accuracy, and F1 over groups, as `score_logparse.py` defines them.
    private static func score(
        _ lines: [[UInt8]],
        hasHeader: Bool,
        _ events: [String]
    ) -> (ga: Double, fga: Double) {
        var miner = LogTemplateMiner()
        let slots = lines.map { miner.learn($0[...], hasHeader: hasHeader) }
        miner.settle()
        let groups = Dictionary(grouping: lines.indices) { miner.resolve(slots[$0]) }
        let truth = Set(Dictionary(grouping: events.indices) { events[$0] }.values)
        let right = groups.values.filter { truth.contains($0) }
        let precision = Double(right.count) / Double(groups.count)
        let recall = Double(right.count) / Double(truth.count)
        return (
            Double(right.reduce(0) { $0 + $1.count }) / Double(lines.count),
            right.isEmpty ? 0 : 2 * precision * recall / (precision + recall)
        )
    }

    /// Rows of a file of comma-separated values with quotes.
    private static func rows(_ path: String) throws -> [[String]] {
        var rows: [[String]] = []
        var row: [String] = []
        var cell: [UInt8] = []
        var isQuoted = false
        for byte in try bytes(path) {
            switch byte {
            case UInt8(ascii: "\""):
                isQuoted.toggle()
                // A doubled quote inside quotes is one.
                if isQuoted, !cell.isEmpty { cell.append(byte) }
            case UInt8(ascii: ",") where !isQuoted:
                row.append(String(decoding: cell, as: UTF8.self))
                cell = []
            case 0x0A where !isQuoted:
                if cell.last == 0x0D { cell.removeLast() }
                row.append(String(decoding: cell, as: UTF8.self))
                rows.append(row)
                (row, cell) = ([], [])
            default: cell.append(byte)
            }
        }
        return rows
    }

    private static func bytes(_ path: String) throws -> [UInt8] {
        let file = try #require(fopen(path, "r"))
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while case let got = fread(&buffer, 1, buffer.count, file), got > 0 { bytes += buffer[..<got] }
        return bytes
    }
}
