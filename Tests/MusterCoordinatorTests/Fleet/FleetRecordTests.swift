import MusterCore
import MusterIdentity
import Testing

@testable import MusterCoordinator

@Suite("Selectors")
struct TargetSelectorTests {
    private var host: FleetHost {
        var host = FleetHost(id: SHA256.hash([1]), name: "web-1", labels: ["role": "web", "zone": "a"])
        host.services = [ServiceVersion(name: "checkout", version: "1")]
        return host
    }

    @Test(
        "hosts are meant by name, identity, service and label",
        arguments: [
            ("all", true), ("host=web-1", true), ("host=web-*", true), ("host=db-1", false),
            ("host=4bf5122f", true), ("service=checkout", true), ("service=cart", false),
            ("role=web,zone=a", true), ("role=web,zone=b", false), ("role=db|zone=a", true),
            (" role = web , zone = a ", true), ("name=web-1", false),
        ]
    )
    func matches(_ text: String, expected: Bool) throws {
        #expect(try TargetSelector(parsing: text).matches(host) == expected)
    }

    @Test("a revoked host is never meant")
    func revoked() throws {
        var host = host
        host.state = .revoked
        #expect(!TargetSelector.all.matches(host))
    }

    @Test(
        "what is no selector is refused with an example",
        arguments: ["", "web-1", "role=", "=db", "a=b,", "|"]
    )
    func refuses(_ text: String) {
        let error = #expect(throws: FleetError.self) { try TargetSelector(parsing: text) }
        #expect(error?.message.contains("service=checkout") == true)
    }
}

@Suite("The record of the fleet")
struct FleetStoreTests {
    private let now = Timestamp(seconds: 1_000_000)

    private func token(_ uses: Int = 1) -> FleetToken {
        FleetToken(
            id: "0123456789abcdef",
            labels: ["role": "db"],
            uses: uses,
            created: now,
            expires: now + .seconds(60),
            creator: "ada"
        )
    }

    private func host(_ seed: UInt8) -> FleetHost { FleetHost(id: SHA256.hash([seed]), name: "db-\(seed)") }

    @Test("of many hosts that use one token at once exactly as many get in as it allows")
    func uses() async throws {
        let store = try TestFleet.emptyStore()
        try await store.create(token(3), secret: [1, 2, 3])
        let now = now
        let joined = await withTaskGroup(of: Bool.self) { group in
            for seed in 0..<20 as Range<UInt8> {
                let host = host(seed)
                group.addTask {
                    (try? await store.join(host, token: "0123456789abcdef", secret: [1, 2, 3], at: now))
                        != nil
                }
            }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(joined == 3)
        let hosts = try await store.hosts()
        #expect(hosts.count == 3)
        #expect(hosts.allSatisfy { $0.labels == ["role": "db"] })
        #expect(try await store.tokens().first?.usesLeft == 0)
    }

    @Test("unknown, wrong, expired and revoked tokens and revoked hosts are refused with a reason")
    func refusals() async throws {
        let store = try TestFleet.emptyStore()
        try await store.create(token(9), secret: [1, 2, 3])
        func reason(_ id: String, _ secret: [UInt8], at moment: Timestamp) async -> String {
            let error = await #expect(throws: FleetError.self) {
                try await store.join(host(1), token: id, secret: secret, at: moment)
            }
            #expect(error?.code == .refused)
            return error?.message ?? ""
        }
        let id = "0123456789abcdef"
        #expect(await reason("fedcba9876543210", [1, 2, 3], at: now).contains("not known here"))
        #expect(await reason(id, [1, 2, 4], at: now).contains("secret is wrong"))
        #expect(await reason(id, [1, 2, 3], at: now + .seconds(60)).contains("expired"))
        _ = try await store.join(host(1), token: id, secret: [1, 2, 3], at: now)
        try await store.revoke(host(1).id, reason: "stolen", at: now)
        #expect(await reason(id, [1, 2, 3], at: now).contains("was revoked (stolen)"))
        // A refused join gave its use back.
        #expect(try await store.tokens().first?.usesLeft == 8)
        try await store.revokeToken(id)
        #expect(await reason(id, [1, 2, 3], at: now).contains("was revoked"))
    }

    @Test("what was seen of a host is kept; its labels and revocation are not touched by it")
    func saves() async throws {
        let store = try TestFleet.emptyStore()
        try await store.create(token(), secret: [1])
        var host = try await store.join(host(1), token: "0123456789abcdef", secret: [1], at: now)
        try await store.revoke(host.id, reason: "x", at: now)
        host.labels = ["role": "web"]
        host.services = [ServiceVersion(name: "orders", version: "7")]
        host.lastSeen = now
        host.skewMilliseconds = 12.5
        host.state = .connected
        try await store.save([host])
        let kept = try #require(try await store.hosts().first)
        #expect(kept.labels == ["role": "db"])
        #expect(kept.state == .revoked)
        #expect(kept.services == host.services)
        #expect(kept.lastSeen == now)
        #expect(kept.skew == .milliseconds(12.5))
    }
}
