import MusterCause
import MusterCore
import Testing

@Suite struct TraitDifferenceTests {
    private let samples = RankingSamples()

    private func host(
        _ name: String,
        _ state: HostHealth.State,
        _ traits: [String: String]
    ) -> HostHealth {
        var health = samples.health(name, state)
        health.traits = traits
        return health
    }

    @Test("What all sick hosts have and no healthy one has is told, with what the healthy ones have")
    func separates() {
        let found = TraitDifference.find(in: [
            host("a", .healthy, ["kernel": "6.1", "version of shop": "4520"]),
            host("b", .sick, ["kernel": "6.1", "version of shop": "4521"]),
            host("c", .healthy, ["kernel": "6.1", "version of shop": "4519"]),
            host("d", .healthy, ["kernel": "6.1", "version of shop": "4520"]),
        ])
        #expect(found.count == 1)
        #expect(found.first?.trait == "version of shop")
        #expect(found.first?.sick == "4521")
        #expect(found.first?.healthy == ["4519", "4520"])
        #expect(found.first?.effect == 0.75)
    }

    @Test("A trait that the sick hosts don't share, or that a healthy one lacks, tells nothing")
    func incomplete() {
        let found = TraitDifference.find(in: [
            host("a", .sick, ["flag": "on", "zone": "x", "disk": "ssd"]),
            host("b", .sick, ["flag": "off", "zone": "x"]),
            host("c", .healthy, ["flag": "none", "disk": "hdd"]),
            host("d", .healthy, ["flag": "none", "zone": "y", "disk": "hdd"]),
        ])
        #expect(found.isEmpty)
    }

    @Test("A trait that differs on every host is left out")
    func unique() {
        let hosts = [
            host("a", .sick, ["name": "a"]), host("b", .healthy, ["name": "b"]),
            host("c", .healthy, ["name": "c"]),
        ]
        #expect(TraitDifference.find(in: hosts).isEmpty)
    }

    @Test("Of two hosts everything that differs is told, by name")
    func pair() {
        let found = TraitDifference.find(in: [
            host("a", .sick, ["zone": "x", "kernel": "6.8"]),
            host("b", .healthy, ["zone": "y", "kernel": "6.1"]),
        ])
        #expect(found.map(\.trait) == ["kernel", "zone"])
        #expect(found.allSatisfy { $0.effect == 0.5 })
    }

    @Test("A difference between many hosts tells more than one between two")
    func many() {
        let healthy = (0..<8).map { host("h\($0)", .healthy, ["zone": "y"]) }
        let few = TraitDifference.find(in: [host("s", .sick, ["zone": "x"])] + healthy.prefix(2))
        let all = TraitDifference.find(in: [host("s", .sick, ["zone": "x"])] + healthy)
        #expect(few.first?.effect ?? 1 < all.first?.effect ?? 0)
        #expect(all.allSatisfy { $0.effect < 1 })
    }

    @Test("Hosts that were not seen don't count, and without either side there is nothing to compare")
    func sides() {
        let sick = host("a", .sick, ["zone": "x"])
        let healthy = host("b", .healthy, ["zone": "y"])
        let unseen = host("c", .unseen, ["zone": "x"])
        #expect(TraitDifference.find(in: []).isEmpty)
        #expect(TraitDifference.find(in: [sick, unseen]).isEmpty)
        #expect(TraitDifference.find(in: [healthy, unseen]).isEmpty)
        #expect(TraitDifference.find(in: [sick, healthy, unseen]).count == 1)
    }
}
