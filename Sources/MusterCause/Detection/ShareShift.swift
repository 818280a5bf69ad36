#if canImport(Glibc)
import Glibc
#endif

/// How sure it is that a share changed between two counts.
package struct ShareShift: Hashable, Sendable {
    package var usual: Double
    package var now: Double
    /// Twice the logarithm of the likelihood ratio of two shares against one (the G statistic of a 2 by 2 table):
    /// without a change it passes 3.8 in one of twenty cases, 10.8 in one of a thousand.
    package var score: Double

    package init(usual: (of: Int, in: Int), now: (of: Int, in: Int)) {
        self.usual = usual.in == 0 ? 0 : Double(usual.of) / Double(usual.in)
        self.now = now.in == 0 ? 0 : Double(now.of) / Double(now.in)
        let all = Double(usual.in + now.in)
        var score = 0.0
        for (a, b) in [(usual.of, now.of), (usual.in - usual.of, now.in - now.of)] {
            let row = Double(a + b)
            guard row > 0 else { continue }
            for (seen, column) in [(Double(a), Double(usual.in)), (Double(b), Double(now.in))] where seen > 0 {
                score += 2 * seen * log(seen * all / (row * column))
            }
        }
        self.score = max(0, score)
    }
}
