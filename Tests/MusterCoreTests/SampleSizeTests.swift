import MusterCore
import MusterTesting
import Testing

@Suite struct SampleSizeTests {
    @Test func readsNumbersAndShares() {
        #expect(SampleSize("50") == .hosts(50))
        #expect(SampleSize("5%") == .share(0.05))
        #expect(SampleSize("0.5%") == .share(0.005))
        for text in ["", "0", "-1", "0%", "101%", "nan%", "5 %", "many", "1e9999%"] {
            #expect(SampleSize(text) == nil, "\(text)")
        }
    }

    @Test func aShareIsAtLeastOneHostAndNeverMoreThanAll() {
        #expect(SampleSize.share(0.05).count(of: 1_000) == 50)
        #expect(SampleSize.share(0.05).count(of: 3) == 1)
        #expect(SampleSize.share(1).count(of: 3) == 3)
        #expect(SampleSize.hosts(50).count(of: 3) == 3)
        #expect(SampleSize.share(0.5).count(of: 0) == 0)
    }

    @Test func eachHostIsAsLikelyAsAnyOther() {
        var random = SplitMix64(seed: 5)
        var counts = [Int](repeating: 0, count: 20)
        for _ in 0..<4_000 {
            let chosen = SampleSize.hosts(5).chosen(from: Array(0..<20), using: &random)
            #expect(chosen == chosen.sorted())
            #expect(Set(chosen).count == 5)
            for host in chosen { counts[host] += 1 }
        }
        // A quarter of 4 000 each; four standard deviations are 110.
        for count in counts { #expect(abs(count - 1_000) < 110) }
    }
}
