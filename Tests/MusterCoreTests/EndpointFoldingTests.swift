import MusterCore
import MusterIncident
import MusterTesting
import Testing

@Suite struct EndpointFoldingTests {
    private func reply(
        _ host: Int,
        _ rows: [(path: String, count: Int, isLearnt: Bool)]
    ) throws -> HostReply {
        var answer = RequestsAnswer()
        for row in rows {
            var endpoint = EndpointRequests(service: "shop", method: "GET", path: row.path)
            endpoint.count = row.count
            endpoint.isLearnt = row.isLearnt
            answer.endpoints.append(endpoint)
        }
        let id = try #require(AgentID(bytes: Array(repeating: UInt8(host), count: 32)))
        return HostReply(
            host: HostReference(id: id, name: "web-\(host)"),
            outcome: Outcome(.ok),
            answer: .requests(answer)
        )
    }

    private func merged(_ replies: [HostReply]) -> [String: Int] {
        let probe = Probe.requests(
            window: TimeWindow(from: .zero, to: .zero),
            service: "",
            salt: [],
            bucketSeconds: 0
        )
        guard case .requests(let merged) = MergedAnswer(replies, probe: probe, rowsMax: 100) else {
            return [:]
        }
        return Dictionary(uniqueKeysWithValues: merged.endpoints.map { ($0.total.path, $0.total.count) })
    }

    @Test("A path of a host that has seen little goes under the pattern that another learnt, in any order")
    func folds() throws {
        let learnt = try reply(
            1,
            [
                ("/u/:id", 500, true), ("/u/:id/settings", 80, true), ("/u/search", 90, true),
                ("/cart", 7, false),
            ]
        )
        let young = try reply(
            2,
            [
                ("/u/alice", 3, false), ("/u/bob", 2, false), ("/u/bob/settings", 1, false),
                ("/cart", 5, false),
            ]
        )
        let expected = ["/u/:id": 505, "/u/:id/settings": 81, "/u/search": 90, "/cart": 12]
        #expect(merged([learnt, young]) == expected)
        #expect(merged([young, learnt]) == expected)
    }

    @Test("A route that a learnt host tells beside the pattern is one on every host")
    func keepsRoutes() throws {
        let learnt = try reply(1, [("/u/:id", 500, true), ("/u/export", 90, false)])
        let young = try reply(2, [("/u/export", 4, false), ("/u/x/y", 1, false)])
        #expect(merged([learnt, young]) == ["/u/:id": 500, "/u/export": 94, "/u/x/y": 1])
    }

    @Test("Numbers alone, which every host knows for identifiers, draw no names in")
    func lexical() throws {
        let one = try reply(1, [("/orders/:id", 500, false)])
        let other = try reply(2, [("/orders/export", 4, false)])
        #expect(merged([one, other]) == ["/orders/:id": 500, "/orders/export": 4])
    }
}
