import MusterCore
import Synchronization
import Testing

@Suite struct PacedClockTests {
    @Test("Time runs fast while it is looked at, and a long pause is one step")
    func pauses() {
        let machine = HandUptime()
        let start = Timestamp(seconds: 1_795_600_000)
        let clock = PacedClock(from: start, speed: 10, machine: { machine.passed })
        for _ in 0..<20 {
            machine.pass(.milliseconds(50))
            _ = clock.now
        }
        #expect(clock.now == start + .seconds(10))
        machine.pass(.seconds(3600))
        #expect(clock.now == start + .seconds(11))
        #expect(clock.now == start + .seconds(11))
    }

    private final class HandUptime: Sendable {
        private let time = Mutex(Duration.zero)

        var passed: Duration { time.withLock { $0 } }

        func pass(_ span: Duration) { time.withLock { $0 += span } }
    }
}
