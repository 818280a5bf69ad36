import Glibc
import MusterCause
import MusterTesting
import Testing

@testable import muster

/// Recorded incidents whose sick service is known, which lie beside the project.
@Suite("Services of recorded incidents")
struct ServiceCaseTests {
    private static let folder = "../shared/data/rca"
    private static let isThere = access("\(folder)/truth.jsonl", R_OK) == 0

    private struct Truth: Decodable {
        var `case`: String
        var task: String
        var system: String
        var answers: [String]
    }

    private static func truths() throws -> [Truth] {
        try Files.read("\(folder)/truth.jsonl").split(separator: 0x0A).map { try JSON.decode(Truth.self, $0) }
            .filter { $0.task == "service" }
    }

    private static func places(
        _ name: String,
        _ options: CaseOptions = CaseOptions()
    ) throws -> [(name: String, probability: Double)] {
        let one = try ServiceCase(
            folder: "\(folder)/cases/\(name)",
            references: "\(folder)/reference",
            options: options
        )
        return CauseRanking.places(one.input).map {
            (one.names.original($0.place.service), $0.probability)
        }
    }

    /// Every third case of each system: the benchmark looks at all of them.
    private static func some() throws -> [Truth] {
        try truths().enumerated().filter { $0.offset % 3 == 0 }.map(\.element)
    }

    @Test(
        "One configuration names the sick service of nearly all",
        .enabled(if: isThere, "the recorded incidents are not at ../shared/data/rca")
    )
    func accuracy() throws {
        let truths = try Self.some()
        try #require(truths.count >= 20)
        var right = 0
        for truth in truths {
            if let first = try Self.places(truth.case).first, truth.answers.contains(first.name) {
                right += 1
            }
        }
        #expect(Double(right) >= 0.87 * Double(truths.count), "\(right) of \(truths.count)")
    }

    @Test(
        "Other names change nothing; services that don't answer lower what is sure",
        .enabled(if: isThere, "the recorded incidents are not at ../shared/data/rca")
    )
    func renamedAndHalf() throws {
        for truth in try Self.some() {
            let plain = try Self.places(truth.case)
            var options = CaseOptions()
            options.renameSeed = 7
            let renamed = try Self.places(truth.case, options)
            #expect(renamed.map(\.name) == plain.map(\.name), "\(truth.case)")
            options.renameSeed = nil
            options.coverage = 0.5
            let half = try #require(try Self.places(truth.case, options).first)
            #expect(half.probability <= plain[0].probability, "\(truth.case)")
        }
    }

    @Test("A case without telemetry ranks nothing first, and broken files name their place")
    func sparse() throws {
        let directory = try TemporaryDirectory()
        func write(_ text: String, _ name: String) throws {
            try Files.write(Array(text.utf8), to: "\(directory.root)/\(name)", mode: 0o600)
        }
        try write(#"{"case": "a", "t_alert": 1781795160, "candidates": ["shop", "pay"]}"#, "case.json")
        let empty = try ServiceCase(
            folder: directory.root,
            references: directory.root,
            options: CaseOptions()
        )
        #expect(CauseRanking.places(empty.input).map(\.place.score) == [0, 0])
        #expect(CauseRanking.rank(empty.input).verdict == .unknown)
        try write("source,target,kind\nshop,pay\n", "edges.csv.gz")
        let error = #expect(throws: CLIError.self) {
            try ServiceCase(folder: directory.root, references: directory.root, options: CaseOptions())
        }
        #expect(error?.message.contains("row 2 has 2 fields, the header has 3") == true)
        try write(#"{"case": "a"}"#, "case.json")
        #expect(throws: CLIError.self) {
            try ServiceCase(folder: directory.root, references: directory.root, options: CaseOptions())
        }
    }

    @Test("A time of the alert that is none is refused by name", arguments: ["1e300", "-5", "10000000000"])
    func alertTime(_ time: String) throws {
        let directory = try TemporaryDirectory()
        let text = #"{"case": "a", "t_alert": \#(time), "candidates": ["shop"]}"#
        try Files.write(Array(text.utf8), to: "\(directory.root)/case.json", mode: 0o600)
        let error = #expect(throws: CLIError.self) {
            try ServiceCase(folder: directory.root, references: directory.root, options: CaseOptions())
        }
        #expect(error?.message.contains("t_alert") == true)
    }

    @Test("Tables: quotes, commas and quotes inside them, line ends of either kind, numbers that are none")
    func tables() throws {
        let directory = try TemporaryDirectory()
        let path = "\(directory.root)/a.csv"
        try Files.write(Array("a,b,c\r\n1,\"x, \"\"y\"\"\",\n-2.5e3,z,nan\n\n".utf8), to: path, mode: 0o600)
        let table = try #require(try CSVTable(path))
        #expect(table.columns == ["a", "b", "c"])
        #expect(table.count == 2)
        #expect(table.text(0, 1) == "x, \"y\"")
        #expect(table.number(0, 0) == 1 && table.number(1, 0) == -2500)
        #expect(table.number(0, 2) == nil && table.number(1, 2) == nil && table.number(0, 1) == nil)
        #expect(try CSVTable("\(directory.root)/none.csv") == nil)
    }
}
