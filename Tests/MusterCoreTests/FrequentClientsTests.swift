import MusterTesting
import Testing

@testable import MusterCore

@Suite struct FrequentClientsTests {
    private func network(_ text: String) -> String? { ClientNetwork(address: Array(text.utf8)[...])?.text }

    @Test(
        "An address is told as its network only",
        arguments: [
            ("10.1.2.3", "10.1.2.0/24"), ("255.255.255.255", "255.255.255.0/24"),
            ("2001:db8:1:2::7", "2001:db8:1::/48"),
            ("::1", "0:0:0::/48"), ("2001:DB8::5", "2001:db8:0::/48"), ("::ffff:10.1.2.3", "10.1.2.0/24"),
            ("fe80::1", "fe80:0:0::/48"), ("10.1.2", nil), ("10.1.2.256", nil), ("10.1.2.3.4", nil),
            ("localhost", nil),
            ("", nil), ("unix:", nil), ("1.2.3.", nil), ("12345::", nil), ("-", nil),
        ]
    )
    func networks(address: String, told: String?) {
        #expect(network(address) == told)
        if let told { #expect(ClientNetwork(text: told)?.text == told) }
    }

    @Test(
        "Frequent networks are found among many, with counts inside the bound, in any parts",
        arguments: UInt64(1)...3
    )
    func frequent(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        var exact: [String: Int] = [:]
        var parts = Array(repeating: FrequentClients(), count: 4)
        for index in 0..<40_000 {
            let rank = Int(5_000 * random.unit() * random.unit() * random.unit() * random.unit())
            let address = "10.\(rank / 250).\(rank % 250).\(random.next() % 250)"
            exact["10.\(rank / 250).\(rank % 250).0/24", default: 0] += 1
            parts[index % 4].add(Array(address.utf8)[...], isError: rank == 3)
        }
        // As they come over the wire.
        var merged = FrequentClients()
        for part in parts { merged.merge(FrequentClients(part.top, missed: part.missedInTop)) }
        let top = merged.top
        #expect(top.count == FrequentClients.toldMax)
        #expect(top.map(\.count) == top.map(\.count).sorted(by: >))
        for one in top {
            let truth = exact[one.network] ?? 0
            #expect(one.count <= truth && truth <= one.count + merged.missed)
        }
        for (network, count) in exact where count > merged.missedInTop {
            #expect(top.contains { $0.network == network }, "\(network) with \(count)")
        }
        #expect(top.first { $0.network == "10.0.3.0/24" }.map { $0.errors == $0.count } ?? false)
        #expect(top.first { $0.network == "10.0.1.0/24" }?.errors == 0)
    }
}
