import Glibc
import MusterCore

@testable import MusterAgent

/// The program that Tests/Simulation/run builds: seeds from one on, until a number or a time is reached.
@main
enum SimulationProgram {
    static func main() throws {
        var (first, count, seconds) = (UInt64(1), UInt64.max, 60.0)
        var (isJSON, keepsTrace) = (false, false)
        var planted: PlantedFault?
        var arguments = CommandLine.arguments.dropFirst()
        while let argument = arguments.popFirst() {
            func value() -> String { arguments.popFirst() ?? "" }
            switch argument {
            case "--first": first = UInt64(value()) ?? fail("--first takes a number")
            case "--seeds": count = UInt64(value()) ?? fail("--seeds takes a number")
            case "--seed":
                first = UInt64(value()) ?? fail("--seed takes a number")
                count = 1
            case "--seconds": seconds = Double(value()) ?? fail("--seconds takes a number")
            case "--planted":
                let names = PlantedFault.allCases.map(\.rawValue).joined(separator: ", ")
                planted = PlantedFault(rawValue: value()) ?? fail("--planted takes one of \(names)")
            case "--trace": keepsTrace = true
            case "--json": isJSON = true
            default: fail("unknown option \(argument)")
            }
        }
        var template = Array("/tmp/muster-simulation-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { fail("no folder in /tmp") }
        let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer {
            unlink("\(folder)/policy.yaml")
            rmdir(folder)
        }
        let began = Moment.monotonic()
        var totals = Totals()
        var seed = first
        while totals.seeds < count, count < .max || (Moment.monotonic() - began).inSeconds < seconds {
            let result = try Simulation(seed: seed, planted: planted, folder: folder, keepsTrace: keepsTrace)
                .run()
            for line in result.trace { print(line) }
            totals.add(result)
            seed += 1
            guard result.violations.isEmpty || planted != nil else { break }
        }
        totals.show((Moment.monotonic() - began).inSeconds, isJSON: isJSON)
        if totals.failing.isEmpty == (planted == nil) { return }
        exit(1)
    }

    private static func fail(_ text: String) -> Never {
        fputs("muster-simulate: \(text)\n", stderr)
        exit(64)
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
