import MusterTesting
import Testing

/// Whole worlds of a coordinator and its hosts, from seeds.
@Suite struct SimulationTests {
    @Test("Nothing unapproved, nothing twice, nothing left open, whatever fails", arguments: 0..<12)
    func worlds(_ part: Int) async throws {
        let folder = try TemporaryDirectory()
        for seed in stride(from: part, to: 120, by: 12) {
            let simulation = try Simulation(seed: UInt64(seed), folder: folder.root)
            let result = simulation.run()
            #expect(
                result.violations.isEmpty,
                "seed \(seed): \(result.violations.joined(separator: "; ")); Tests/Simulation/run --seed \(seed) --trace"
            )
            await Task.yield()
        }
    }

    @Test("A seed tells the same story each time")
    func sameStory() throws {
        let folder = try TemporaryDirectory()
        for seed in [UInt64(3), 4, 5] {
            let first = try Simulation(seed: seed, folder: folder.root).run()
            let second = try Simulation(seed: seed, folder: folder.root).run()
            #expect(first.fingerprint == second.fingerprint && first.steps == second.steps)
        }
    }

    @Test("What is broken on purpose is found", arguments: PlantedFault.allCases)
    func planted(_ fault: PlantedFault) throws {
        let folder = try TemporaryDirectory()
        let found = try (UInt64(0)..<60).first { seed in
            try !Simulation(seed: seed, planted: fault, folder: folder.root).run().violations.isEmpty
        }
        #expect(found != nil, "\(fault.rawValue) goes unseen")
    }
}
