import Glibc
import MusterCause
import MusterTesting
import Testing

@testable import muster

/// Recorded incidents whose culprit change is known, which lie beside the project.
@Suite("Changes of recorded incidents")
struct ChangeCaseTests {
    private static let folder = "../shared/data/rca"
    private static let isThere = access("\(folder)/truth.jsonl", R_OK) == 0

    private struct Truth: Decodable {
        var `case`: String
        var task: String
        var answers: [String]
        var decoys: [String]?
    }

    private static func truths() throws -> [Truth] {
        try Files.read("\(folder)/truth.jsonl").split(separator: 0x0A).map { try JSON.decode(Truth.self, $0) }
            .filter { $0.task == "change" }
    }

    private static func names(_ truth: Truth, rename seed: UInt64? = nil) throws -> [String] {
        let one = try ChangeCase(folder: "\(folder)/cases/\(truth.case)", renameSeed: seed)
        return one.ranking(weights: ChangeWeights()).map(\.id)
    }

    @Test(
        "One configuration names the culprit of nearly all, and an innocent deploy of none",
        .enabled(if: isThere, "the recorded incidents are not at ../shared/data/rca")
    )
    func accuracy() throws {
        let truths = try Self.truths()
        try #require(!truths.isEmpty)
        var right = 0
        var decoys = 0
        for truth in truths {
            let names = try Self.names(truth)
            if let first = names.first, truth.answers.contains(first) { right += 1 }
            if let first = names.first, truth.decoys?.contains(first) ?? false { decoys += 1 }
            #expect(Set(names).count == names.count)
        }
        #expect(Double(right) >= 0.9 * Double(truths.count), "\(right) of \(truths.count)")
        #expect(decoys == 0)
    }

    @Test(
        "Other names of all services change no ranking",
        .enabled(if: isThere, "the recorded incidents are not at ../shared/data/rca"),
        arguments: [1, 7, 1_000_003] as [UInt64]
    )
    func renamed(_ seed: UInt64) throws {
        for truth in try Self.truths() {
            #expect(try Self.names(truth, rename: seed) == Self.names(truth), "\(truth.case)")
        }
    }

    @Test(
        "A case needs its description and its changes; what is not told is left out, and a candidate without a word comes last"
    )
    func sparse() throws {
        let directory = try TemporaryDirectory()
        let description = """
            {"case": "a", "t_alert": 1781795160, "alert": {"service": "shop"}, "candidates": ["shop"],
             "change_candidates": ["0000001", "0000002", "none"]}
            """
        let changes = """
            {"commits": [{"sha": "0000002", "timestamp": "2026-06-18T15:00:00Z", "files_changed": null, "diff": null},
             {"sha": "0000003"}], "deploys": [{"service": "shop"}], "flags": null}
            """
        try directory.write("case.json", Array(description.utf8))
        try directory.write("changes.json.gz", Array(changes.utf8))
        let one = try ChangeCase(folder: directory.path(""), renameSeed: 5)
        let ranking = one.ranking(weights: ChangeWeights())
        #expect(ranking.map(\.id) == ["none", "0000002", "0000001"])
        #expect(ranking[2].probability == 0)
        try directory.write("traces.json.gz", Array("[{".utf8))
        #expect(throws: CLIError.self) { try ChangeCase(folder: directory.path(""), renameSeed: nil) }
    }

    @Test("Services are renamed wherever they stand, and none is taken for a part of another")
    func renaming() {
        let text = "shop calls shop-db; /srv/shop-db/shop.go of workshop"
        let renaming = ServiceRenaming(["shop", "shop-db"], seed: 3)
        let renamed = String(decoding: renaming.apply(to: Array(text.utf8)), as: UTF8.self)
        #expect(!renamed.contains("shop"))
        let words = renamed.split { " /;.".contains($0) }
        #expect(words[0] != words[2] && words[2] == words[4] && words[0] == words[5])
        #expect(renaming.apply(to: Array("nothing here".utf8)) == Array("nothing here".utf8))
    }
}
