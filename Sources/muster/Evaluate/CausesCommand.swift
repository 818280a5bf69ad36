import ArgumentParser
import Glibc
import MusterCause
import MusterCore

extension EvaluateCommand {
    /// `muster evaluate causes`: which cause the engine names for recorded incidents.
    struct Causes: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "causes",
            abstract: "Rank the causes of recorded incidents.",
            discussion: """
                DIR holds cases/ID/case.json with the telemetry of each incident beside it, and reference/ with \
                telemetry of healthy times. Telemetry becomes findings as agents would send them; from there on it is \
                the engine of a live incident. Writes one JSON object a line: case, task, ranking (name and \
                probability, best first), verdict, seconds.

                A case with changes.json.gz asks for the change that did it, or "none"; --after, --before and \
                --coverage are for cases that ask for a service.

                EXAMPLES
                  muster evaluate causes incidents --out rankings.jsonl
                  muster evaluate causes incidents --out renamed.jsonl --rename 7     # must be the same lists
                  muster evaluate causes incidents --out half.jsonl --coverage 0.5    # half the services don't answer
                  muster evaluate causes incidents --out quiet.jsonl --before 120     # two minutes before the fault
                  muster evaluate causes incidents --out rankings.jsonl --task change --explain
                """
        )

        enum Task: String, ExpressibleByArgument, CaseIterable, Encodable {
            case service
            case change
        }

        @Argument(help: ArgumentHelp("Folder with cases/ and reference/.", valueName: "dir"))
        var folder: String

        @Option(help: ArgumentHelp("File for the rankings.", valueName: "file"))
        var out: String

        @Option(help: "What is asked for; without it, whatever a case asks for.")
        var task: Task?

        @Option(
            help: ArgumentHelp(
                "Rename all entities first; the names are put back at the end.",
                valueName: "seed"
            )
        )
        var rename: UInt64?

        @Option(help: ArgumentHelp("Let the alert fire so much later.", valueName: "seconds"))
        var after = 0.0

        @Option(
            help: ArgumentHelp("Let it fire so much earlier, and hide what came since.", valueName: "seconds")
        )
        var before: Double?

        @Flag(help: "Look at a moment of each case's healthy time instead of the incident.")
        var healthy = false

        @Option(help: ArgumentHelp("Share of services that answer.", valueName: "0...1"))
        var coverage = 1.0

        @Option(
            help: ArgumentHelp(
                """
                Leave a kind of evidence out. On services: resource, transit, own-time, path, latency, errors, logs. \
                On changes: \(ChangeMechanism.allCases.map(\.rawValue).joined(separator: ", ")).
                """,
                valueName: "kind"
            )
        )
        var without: [Evidence] = []

        @Option(help: ArgumentHelp("Other weights, as JSON.", valueName: "file"))
        var weights: String?

        @Flag(help: "Write the share of all weights instead of the calibrated probability.")
        var uncalibrated = false

        @Flag(help: "Also write what each place or change was given, by kind of evidence, and why.")
        var explain = false

        @Flag(help: "Print one JSON object.")
        var json = false

        func validate() throws {
            guard coverage > 0, coverage <= 1 else {
                throw ValidationError("--coverage must be above 0 and at most 1")
            }
            guard before.map({ $0 > 0 && $0.isFinite }) ?? true, after.isFinite, after >= 0 else {
                throw ValidationError("--before and --after take seconds above 0")
            }
            if task == .change, before != nil || after != 0 || coverage != 1 || healthy {
                throw ValidationError(
                    "--before, --after, --coverage and --healthy are for cases that ask for a service"
                )
            }
        }

        func run() throws {
            var options = CaseOptions()
            options.renameSeed = rename
            options.alertAfter = after
            options.quietBefore = before
            options.isHealthy = healthy
            options.coverage = coverage
            options.without = Set(without.compactMap(\.source))
            var changeWeights = ChangeWeights()
            changeWeights.without = Set(without.compactMap(\.mechanism))
            let asWasRecorded = before == nil && after == 0 && coverage == 1 && !healthy
            if let weights {
                options.weights.places = try JSON.decode(PlaceWeights.self, try Files.read(weights))
            }
            if uncalibrated { options.weights.calibration = .identity }
            let cases = try Files.folders(in: "\(folder)/cases")
            guard !cases.isEmpty else { throw CLIError(.failed, "there is no case in \(folder)/cases") }
            var lines: [UInt8] = []
            var row = Summary()
            for name in cases {
                let path = "\(folder)/cases/\(name)"
                let info = try CaseInfo(folder: path)
                guard (task ?? info.task) == info.task else { continue }
                Terminal.progress("\(name): \(row.cases) done")
                let started = Self.now
                var line: Line
                switch info.task {
                case .service:
                    let one = try ServiceCase(
                        folder: path,
                        references: "\(folder)/reference",
                        options: options
                    )
                    line = Line(one, weights: options.weights, explain: explain)
                case .change:
                    guard asWasRecorded else { continue }
                    let one = try ChangeCase(folder: path, renameSeed: rename)
                    line = Line(one, weights: changeWeights, explain: explain)
                }
                line.seconds = Self.now - started
                row.add(line.seconds)
                lines += try JSON.bytes(line) + [0x0A]
            }
            Terminal.endProgress()
            try Files.write(lines, to: out, mode: 0o644)
            row.peakMemoryBytes = Self.peakMemoryBytes
            row.weights = options.weights.places
            if json {
                try JSON.print(row)
            } else {
                Terminal.out(
                    "\(out): \(row.cases) cases, \(Words.milliseconds(row.secondsMean * 1_000)) each, the slowest "
                        + "\(Words.milliseconds(row.secondsMax * 1_000)), at most \(row.peakMemoryBytes / 1_048_576) MB"
                )
            }
        }

        /// One ranking, as scorers read it.
        struct Line: Encodable {
            struct Entry: Encodable {
                var name: String
                var probability: Double
                /// Log-odds by kind of evidence; nil unless asked for.
                var parts: [String: Double]?
                var findings: [String]?
            }

            var id: String
            var task: Task
            var ranking: [Entry]
            var verdict: String
            var seconds = 0.0

            private enum CodingKeys: String, CodingKey {
                case id = "case"
                case task
                case ranking
                case verdict
                case seconds
            }

            init(_ one: ServiceCase, weights: CauseWeights, explain: Bool) {
                let input = one.input
                let known = Set(one.candidates)
                id = one.info.id
                task = .service
                verdict = CauseRanking.rank(input, weights: weights).verdict.rawValue
                ranking = CauseRanking.places(input, weights: weights).filter {
                    known.contains($0.place.service)
                }
                .map { ranked in
                    var entry = Entry(
                        name: one.names.original(ranked.place.service),
                        probability: (ranked.probability * 1e6).rounded() / 1e6
                    )
                    if explain {
                        entry.parts = [:]
                        for part in ranked.place.parts { entry.parts?[part.source.rawValue] = part.weight }
                        entry.findings = ranked.place.parts.map(\.finding.text)
                    }
                    return entry
                }
            }
        }

        /// Which of the two engines' kinds of evidence a word means.
        enum Evidence: ExpressibleByArgument {
            case place(Place.Source)
            case change(ChangeMechanism)

            init?(argument: String) {
                if let source = Place.Source(rawValue: argument) {
                    self = .place(source)
                } else if let mechanism = ChangeMechanism(rawValue: argument) {
                    self = .change(mechanism)
                } else {
                    return nil
                }
            }

            var source: Place.Source? { if case .place(let source) = self { source } else { nil } }
            var mechanism: ChangeMechanism? {
                if case .change(let mechanism) = self { mechanism } else { nil }
            }
        }

        struct Summary: Encodable {
            var cases = 0
            var secondsMean = 0.0
            var secondsMax = 0.0
            var peakMemoryBytes = 0
            /// Of evidence about places, as they were used: what is fitted starts from them.
            var weights = PlaceWeights()

            mutating func add(_ seconds: Double) {
                secondsMean = (secondsMean * Double(cases) + seconds) / Double(cases + 1)
                secondsMax = max(secondsMax, seconds)
                cases += 1
            }
        }

        private static var now: Double {
            var time = timespec()
            clock_gettime(CLOCK_MONOTONIC, &time)
            return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
        }

        private static var peakMemoryBytes: Int {
            var usage = rusage()
            getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
            return usage.ru_maxrss * 1_024
        }
    }
}

extension CaseInfo {
    /// What is asked for.
    var task: EvaluateCommand.Causes.Task { changeCandidates == nil ? .service : .change }
}

extension EvaluateCommand.Causes.Line {
    init(_ one: ChangeCase, weights: ChangeWeights, explain: Bool) {
        id = one.id
        task = .change
        let ranked = one.ranking(weights: weights)
        ranking = ranked.map { change in
            var entry = Entry(name: change.id, probability: (change.probability * 1e6).rounded() / 1e6)
            if explain {
                entry.parts = change.reasons.reduce(into: [:]) {
                    $0[$1.mechanism.rawValue, default: 0] += $1.weight
                }
                entry.findings = change.reasons.map(\.text)
            }
            return entry
        }
        let stands = ranked.first.map { $0.probability >= 0.5 } ?? false
        verdict = (stands ? Verdict.likely : .unknown).rawValue
    }
}
