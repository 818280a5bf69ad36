import MusterCore
import MusterIncident
import Testing

@testable import MusterCause

@Suite("Signature of an incident") struct SignatureTests {
    private typealias Samples = KnowledgeSamples

    private func similarity(_ one: IncidentSignature, _ other: IncidentSignature) -> Double {
        one.similarity(to: other) { _ in 1 }
    }

    @Test("The same fault on another host with other numbers looks the same")
    func plain() throws {
        let one = Samples.incident(1, alert: "Pool > 90% on web-1", host: "web-1")
        let other = Samples.incident(2, alert: "Pool > 95% on web-22", host: "web-22")
        let first = IncidentSignature(one, findings: Samples.pool(on: "web-1", 1), cause: nil)
        let second = IncidentSignature(other, findings: Samples.pool(on: "web-22", 9), cause: nil)
        #expect(first == second)
        #expect(similarity(first, second) == 1)
        let texts = first.entries.map(\.feature.text)
        #expect(texts.contains("pool on") && texts.contains("pool-exhausted orders"))
        #expect(!texts.contains { $0.contains { "0123456789".contains($0) } || $0.contains("web") })
    }

    @Test("Another fault behind the same alert of the same service is not alike")
    func others() {
        let incident = Samples.incident(1)
        let pool = IncidentSignature(incident, findings: Samples.pool(), cause: .poolExhausted)
        let disk = IncidentSignature(incident, findings: Samples.disk(), cause: .disk)
        let least = KnowledgePolicy().similarityMin
        #expect(similarity(pool, disk) < least)
        #expect(similarity(pool, disk) == similarity(disk, pool))
        // Also at the start, when no cause is ranked yet.
        let early = IncidentSignature(incident, findings: Samples.disk(), cause: nil)
        #expect(similarity(pool, early) < least)
        let same = IncidentSignature(incident, findings: Samples.pool(), cause: nil)
        #expect(similarity(pool, same) == 1)
    }

    @Test("Rare texts count more than those that every incident has")
    func rarity() {
        let one = IncidentSignature([.init(.log, "error"), .init(.log, "quorum")])
        let common = IncidentSignature([.init(.log, "error"), .init(.log, "timeout")])
        let rare = IncidentSignature([.init(.log, "quorum"), .init(.log, "timeout")])
        let weigh: (IncidentSignature.Feature) -> Double = { $0.text == "quorum" ? 5 : 1 }
        #expect(one.similarity(to: rare, rarity: weigh) > 2 * one.similarity(to: common, rarity: weigh))
        #expect(one.similarity(to: rare) { _ in 1 } == one.similarity(to: common) { _ in 1 })
    }

    @Test("A hundred lines of one field do not drown the others, and are cut")
    func fields() {
        let many = (0..<100).map { number in
            let letters =
                String(repeating: "x", count: number / 10) + String(repeating: "y", count: number % 10)
            return IncidentSignature.Feature(.log, "w\(letters)")
        }
        let dependency = IncidentSignature.Feature(.dependency, "dns resolver")
        let one = IncidentSignature(Set(many + [dependency]))
        #expect(one.entries.count { $0.feature.field == .log } == IncidentSignature.perFieldMax)
        let other = IncidentSignature([dependency, .init(.log, "other")])
        #expect(similarity(one, other) == 0.5)
        #expect(similarity(IncidentSignature([]), one) == 0)
        #expect(similarity(IncidentSignature([]), IncidentSignature([])) == 0)
    }

    @Test("Merged, each text has the share of incidents that had it")
    func merged() {
        let (a, b) = (IncidentSignature.Feature(.log, "a"), IncidentSignature.Feature(.log, "b"))
        let both = IncidentSignature([a, b]).merged(with: IncidentSignature([a]), weight: 1)
        #expect(both.entries.map(\.share) == [1, 0.5])
        let three = both.merged(with: IncidentSignature([a]), weight: 2)
        #expect(three.entries.map { ($0.share * 3).rounded() } == [3, 1])
    }
}
