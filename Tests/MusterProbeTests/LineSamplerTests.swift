import MusterTesting
import Testing

@testable import MusterProbe

@Suite struct LineSamplerTests {
    /// A host whose lines cost so much CPU time each, looked at or not.
    private struct Simulation {
        var sampler: LineSampler
        var cpu = 0.0
        var estimate = 0.0
        var backlog = 0
        let looked: Double
        let skipped: Double

        /// One tick at a second, with so many new lines.
        mutating func tick(_ second: Int, lines: Int) {
            backlog += lines
            sampler.begin(cpu: cpu, now: Double(second))
            while backlog > 0 {
                let some = min(backlog, 1_000)
                backlog -= some
                for _ in 0..<some {
                    if sampler.choose() {
                        estimate += Double(sampler.every)
                        cpu += looked
                    } else {
                        cpu += skipped
                    }
                }
                if !sampler.spend(cpu: cpu) { break }
            }
            sampler.end()
        }
    }

    @Test("Lines that cost little are all looked at")
    func quiet() {
        var host = Simulation(sampler: LineSampler(ratioMax: 0.25, seed: 1), looked: 2e-6, skipped: 1e-7)
        for second in 0..<100 { host.tick(second, lines: 50_000) }
        #expect(host.sampler.skipped == 0)
        #expect(host.estimate == 5_000_000)
    }

    @Test(
        "A flood stays inside the CPU budget, every line is counted, and the estimate is right",
        arguments: UInt64(1)...5
    )
    func flood(seed: UInt64) {
        var host = Simulation(sampler: LineSampler(ratioMax: 0.1, seed: seed), looked: 5e-6, skipped: 5e-8)
        let quiet = 20
        for second in 0..<quiet { host.tick(second, lines: 200) }
        let before = host.cpu
        for second in quiet..<(quiet + 60) { host.tick(second, lines: 300_000) }
        let lines = quiet * 200 + 60 * 300_000
        #expect(Int(host.sampler.lines) == lines)
        #expect(host.backlog == 0)
        #expect(host.sampler.skipped > 0)
        // What was saved up in quiet times comes on top.
        #expect(host.cpu - before <= 0.1 * (60 + 4) + 0.01, "\(host.cpu - before) s")
        // Not starved either: at least a third of the budget is used.
        #expect(host.cpu - before >= 0.1 * 60 / 3)
        #expect(abs(host.estimate - Double(lines)) < Double(lines) * 0.001)
        for second in 80..<100 { host.tick(second, lines: 200) }
        #expect(host.sampler.every == 1)
    }

    @Test("When even counting lines is too dear, they wait for the next tick")
    func overrun() {
        var host = Simulation(sampler: LineSampler(ratioMax: 0.01, seed: 3), looked: 1e-4, skipped: 1e-5)
        for second in 0..<60 { host.tick(second, lines: second < 30 ? 10_000 : 0) }
        #expect(host.cpu <= 0.01 * 64 + 0.2, "\(host.cpu)")
        #expect(Int(host.sampler.lines) + host.backlog == 300_000)
    }

    @Test("Any kind of line has the same chance, also when kinds take turns")
    func periodic() {
        var sampler = LineSampler(ratioMax: 0.1, seed: 11)
        sampler.begin(cpu: 0, now: 0)
        _ = sampler.spend(cpu: 0.31)  // Half, and three quarters: one in sixteen.
        #expect(sampler.every == 16)
        var counts = Array(repeating: 0, count: 8)
        for line in 0..<160_000 where sampler.choose() { counts[line % 8] += 1 }
        #expect(counts.reduce(0, +) == 10_000)
        #expect(counts.allSatisfy { abs($0 - 1_250) < 180 }, "\(counts)")
    }
}
