import MusterCore
import Testing

@testable import MusterCoordinator

/// What a host's messages show of its clock.
@Suite struct ClockEstimateTests {
    private static let start = Timestamp(seconds: 1_795_400_000)

    /// Notes leads in seconds, one each ten seconds; returns the estimate.
    private func estimate(_ leads: [Double]) -> ClockEstimate {
        var clock = ClockEstimate()
        for (index, lead) in leads.enumerated() { clock.note(.seconds(lead), at: at(index)) }
        return clock
    }

    private func at(_ index: Int) -> Timestamp { Self.start + .seconds(10 * index) }

    @Test("The message with the shortest way counts, and slow ones change nothing")
    func shortestWay() {
        #expect(estimate([-0.4, -0.02, -0.3]).lead == .seconds(-0.02))
        #expect(estimate([-0.02, -2, -0.1]).lead == .seconds(-0.02))
        #expect(estimate([-0.02, -2, -0.1]).since == nil)
        #expect(ClockEstimate().lead == nil)
    }

    @Test("A clock that is set ahead is seen with the first message, and after when it was set")
    func ahead() {
        let clock = estimate([-0.02, -0.02, 95])
        #expect(clock.lead == .seconds(95))
        #expect(clock.since == at(1))
        #expect(clock.isSure)
    }

    @Test("A clock that is set back is seen when three messages agree; one that is late alone is not")
    func back() {
        #expect(estimate([-0.02, -95, -95.1]).lead == .seconds(-0.02))
        let clock = estimate([-0.02, -95, -95.1, -94.9])
        #expect(clock.lead == .seconds(-94.9))
        #expect(clock.since == at(0))
        #expect(estimate([-0.02, -95, -0.02, -95, -0.02, -95]).lead == .seconds(-0.02))
    }

    @Test("Messages that waited for a line that was down are no clock that was set")
    func stalled() {
        let clock = estimate([-0.02, -40, -30, -20, -10, -0.02])
        #expect(clock.lead == .seconds(-0.02))
        #expect(clock.since == nil)
    }

    @Test("One that is behind from the first message on may just be far away")
    func sure() {
        #expect(!estimate([-4]).isSure)
        #expect(estimate([-4, -4, -4]).isSure)
        #expect(estimate([4]).isSure)
    }

    @Test("A clock that was set while its host was away was set at no moment that is known")
    func away() {
        var clock = estimate([0, 0, 95])
        #expect(clock.since == at(1))
        clock.reconnected()
        clock.note(.seconds(95), at: at(3))
        #expect(clock.since == at(1))
        clock.reconnected()
        clock.note(.seconds(0), at: at(4))
        #expect(clock.lead == .zero)
        #expect(clock.since == nil)
    }
}
