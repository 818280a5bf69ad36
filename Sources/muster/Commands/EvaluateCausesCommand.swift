import ArgumentParser
import FoundationEssentials
import Glibc
import MusterCause
import MusterCore

/// `muster evaluate causes`: what caused recorded incidents.
struct EvaluateCausesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "causes",
        abstract: "Rank what may have caused recorded incidents.",
        discussion: """
            DIR has a folder "cases" with one folder for each incident, or is such a folder of folders itself. Writes \
            one line of JSON for each case: its id, the candidates from the most to the least probable with their \
            probabilities, and the seconds that it took.

            EXAMPLES
              muster evaluate causes rca --task change --out rankings.jsonl
              muster evaluate causes rca --task change --out renamed.jsonl --rename 7
              muster evaluate causes rca --task change --out fewer.jsonl --without values --without outside
            """
    )

    enum Task: String, ExpressibleByArgument, CaseIterable {
        case change
    }

    @Argument(help: ArgumentHelp("Folder of the incidents.", valueName: "dir"))
    var folder: String

    @Option(help: ArgumentHelp("File for the rankings.", valueName: "file"))
    var out: String

    @Option(help: "What is asked for: the change that did it.")
    var task = Task.change

    @Option(help: ArgumentHelp("Give all services other names first.", valueName: "seed"))
    var rename: UInt64?

    @Option(
        help: ArgumentHelp(
            "Leave a kind of evidence out: \(ChangeMechanism.allCases.map(\.rawValue).joined(separator: ", ")).",
            valueName: "kind"
        )
    )
    var without: [ChangeMechanism] = []

    @Flag(help: "Print the rankings as JSON instead of a line for each case.")
    var json = false

    func run() throws {
        var weights = ChangeWeights()
        weights.without = Set(without)
        var lines: [UInt8] = []
        var rows: [Row] = []
        for folder in try folders() {
            let began = ContinuousClock.now
            let known = try ChangeCase(folder: folder, renameSeed: rename)
            let ranking = known.ranking(weights: weights)
            let row = Row(known, ranking, seconds: (ContinuousClock.now - began).inSeconds)
            lines += try JSON.bytes(row) + [0x0A]
            rows.append(row)
            guard !json, let first = row.ranking.first else { continue }
            let share = Int((first.probability * 100).rounded())
            Terminal.out("\(row.case): \(first.name), \(share) %: \(row.reasons.joined(separator: "; "))")
        }
        guard !rows.isEmpty else {
            throw CLIError(.failed, "\(folder) has no incident of which a change is asked for")
        }
        try Files.write(lines, to: out, mode: 0o644)
        if json { try JSON.print(rows) }
    }

    private func folders() throws -> [String] {
        let cases = Files.exists("\(folder)/cases") ? "\(folder)/cases" : folder
        let names: [String]
        do {
            names = try FileManager.default.contentsOfDirectory(atPath: cases).sorted()
        } catch { throw CLIError(.failed, "can't read the folder \(cases)", cause: error) }
        return names.map { "\(cases)/\($0)" }.filter { Files.exists("\($0)/changes.json.gz") }
    }

    private struct Row: Encodable {
        struct Ranked: Encodable {
            var name: String
            var probability: Double
        }

        var `case`: String
        var task = "change"
        var ranking: [Ranked]
        /// Why the first is the first.
        var reasons: [String]
        var seconds: Double

        init(_ known: ChangeCase, _ ranking: ChangeRanking, seconds: Double) {
            `case` = known.id
            self.seconds = seconds
            let all = (ranking.changes + [ranking.none]).sorted { $0.score > $1.score }
            let allowed = known.candidates.isEmpty ? all : all.filter { known.candidates.contains($0.id) }
            let total = allowed.reduce(0) { $0 + $1.probability }
            self.ranking = allowed.map {
                Ranked(name: $0.id, probability: $0.probability / max(total, 1e-300))
            }
            reasons = allowed.first.map { $0.reasons.filter { $0.weight > 0 }.prefix(4).map(\.text) } ?? []
        }
    }
}

extension ChangeMechanism: ExpressibleByArgument {}
