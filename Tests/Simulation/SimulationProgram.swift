import ArgumentParser
import MusterCore
import MusterTesting

@testable import MusterAgent

/// The program that Tests/Simulation/run builds: seeds from one on, until a number or a time is reached.
@main
struct SimulationProgram: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "muster-simulate")

    @Option var first: UInt64 = 1
    @Option var seeds: UInt64?
    @Option var seed: UInt64?
    @Option var seconds = 60.0
    @Option var planted: PlantedFault?
    @Flag var trace = false
    @Flag var json = false

    func run() throws {
        let folder = try TemporaryDirectory()
        let began = Moment.monotonic()
        func spent() -> Double { (Moment.monotonic() - began).inSeconds }
        var totals = Totals()
        var next = seed ?? first
        let count = seed == nil ? seeds ?? .max : 1
        while totals.seeds < count, count < .max || spent() < seconds {
            let result = try Simulation(seed: next, planted: planted, folder: folder.root, keepsTrace: trace)
                .run()
            for line in result.trace { print(line) }
            totals.add(result)
            next += 1
            guard result.violations.isEmpty || planted != nil else { break }
        }
        totals.show(spent(), isJSON: json)
        // Broken on purpose, it has to be found.
        if totals.failing.isEmpty != (planted == nil) { throw ExitCode(1) }
    }

    private struct Totals {
        var (seeds, steps, crashes) = (UInt64(0), 0, 0)
        var ends: [String: Int] = [:]
        var failing: [SimulationResult] = []

        mutating func add(_ result: SimulationResult) {
            seeds += 1
            steps += result.steps
            crashes += result.crashes
            ends.merge(result.ends) { $0 + $1 }
            if !result.violations.isEmpty { failing.append(result) }
        }

        func show(_ seconds: Double, isJSON: Bool) {
            let rate = Double(seeds) / seconds * 60
            if isJSON {
                let ends = ends.sorted { $0.key < $1.key }.map { "\"\($0.key)\": \($0.value)" }
                let failing = failing.prefix(20).map { "\($0.seed)" }
                print(
                    "{\"seeds\": \(seeds), \"seeds_per_minute\": \(Int(rate)), \"steps\": \(steps), "
                        + "\"crashes\": \(crashes), \"ends\": {\(ends.joined(separator: ", "))}, "
                        + "\"failing_seeds\": [\(failing.joined(separator: ", "))]}"
                )
                return
            }
            for result in failing.prefix(20) {
                print("seed \(result.seed): \(result.violations.joined(separator: "; "))")
            }
            let ends = ends.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
            print(
                "\(seeds) seeds in \(Int(seconds)) s (\(Int(rate)) a minute), \(steps) steps, \(crashes) crashes; "
                    + "actions ended: \(ends)"
            )
            print(
                failing.isEmpty ? "nothing that must not be" : "\(failing.count) seeds with what must not be"
            )
        }
    }
}

extension PlantedFault: ExpressibleByArgument {}
