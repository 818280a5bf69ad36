import Testing

@testable import MusterCoordinator

@Suite struct LatencyOnsetTests {
    @Test("The first of the last windows that are all slow is the onset")
    func rise() {
        #expect(LatencyOnset.rise(in: [4, 5, 4, 6, 5, 400, 380, 420])?.index == 5)
        #expect(LatencyOnset.rise(in: [nil, nil, 5, nil, 300, 310])?.index == 4)
    }

    @Test("What was slow and is over, and what is a little slower, is none")
    func none() {
        #expect(LatencyOnset.rise(in: [4, 400, 380, 5, 4]) == nil)
        #expect(LatencyOnset.rise(in: [4, 5, 9, 12]) == nil)
        #expect(LatencyOnset.rise(in: [300, 340, 360, 390]) == nil)
        #expect(LatencyOnset.rise(in: [nil, 400]) == nil)
        #expect(LatencyOnset.rise(in: []) == nil)
    }
}
