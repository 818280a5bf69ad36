import MusterTesting
import Testing

@testable import MusterAgent

/// Whole worlds of a coordinator and its hosts, from seeds; one at a time, since each takes all of a processor.
@Suite(.serialized) struct SimulationTests {
    /// Plays worlds on a thread of their own: those of the tests are few, and others wait for them.
    private func play<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            do {
                try AgentThread("simulation") { continuation.resume(with: Result { try body() }) }.detach()
            } catch {
                continuation.resume(throwing: error)
            }
        }
    }

    @Test("Nothing unapproved, nothing twice, nothing left open, whatever fails")
    func worlds() async throws {
        let folder = try TemporaryDirectory()
        let root = folder.root
        let failing = try await play {
            try (UInt64(0)..<80).compactMap { seed in
                let result = try Simulation(seed: seed, folder: root).run()
                return result.violations.isEmpty
                    ? nil : "seed \(seed): \(result.violations.joined(separator: "; "))"
            }
        }
        #expect(
            failing.isEmpty,
            "\(failing.joined(separator: "\n")); see Tests/Simulation/run --seed N --trace"
        )
    }

    @Test("A seed tells the same story each time")
    func sameStory() async throws {
        let folder = try TemporaryDirectory()
        let root = folder.root
        for seed in [UInt64(3), 4, 5] {
            let stories = try await play {
                try (0..<2).map { _ in
                    let result = try Simulation(seed: seed, folder: root).run()
                    return "\(result.fingerprint) \(result.steps)"
                }
            }
            #expect(stories[0] == stories[1])
        }
    }

    @Test("What is broken on purpose is found", arguments: PlantedFault.allCases)
    func planted(_ fault: PlantedFault) async throws {
        let folder = try TemporaryDirectory()
        let root = folder.root
        let found = try await play {
            try (UInt64(0)..<60).first { seed in
                try !Simulation(seed: seed, planted: fault, folder: root).run().violations.isEmpty
            }
        }
        #expect(found != nil, "\(fault.rawValue) goes unseen")
    }
}
