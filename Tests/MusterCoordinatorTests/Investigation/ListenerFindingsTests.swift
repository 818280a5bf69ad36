import MusterCore
import Testing

@testable import MusterCoordinator

/// Ports on which something listened, and what hosts say of them now.
@Suite struct ListenerFindingsTests {
    private static let now = Timestamp(nanoseconds: 1_795_400_000_000_000_000)
    private let web1 = HostReference(id: .zero, name: "web-1")

    private func found(
        _ known: [KnownListener],
        now listening: [(port: Int, process: String)]
    ) -> [Finding] {
        var answer = SocketsAnswer()
        answer.listening = listening.map {
            ListeningSocket(
                address: "0.0.0.0",
                port: $0.port,
                pid: 1,
                process: $0.process,
                backlog: 0,
                backlogMax: 0
            )
        }
        return ListenerFindings.findings(
            [(web1, .sockets(answer))],
            known: { _ in known },
            onset: Self.now - .seconds(60),
            coverage: Coverage(asked: 1, outcomes: ["ok": 1]),
            at: Self.now
        )
    }

    private func listener(_ port: Int, _ name: String, ago seconds: Int = 90) -> KnownListener {
        KnownListener(port: port, name: name, last: Self.now - .seconds(seconds))
    }

    @Test("What is gone is named with its port and its host; what still listens is not")
    func gone() throws {
        let findings = found([listener(80, "nginx"), listener(8080, "shop")], now: [(80, "nginx")])
        let one = try #require(findings.first)
        #expect(findings.count == 1)
        #expect(one.suggests == .dependencyDown && one.hosts == [web1])
        #expect(one.text.hasPrefix("shop is gone on web-1: nothing listens on port 8080, where it did at "))
    }

    @Test("A service that moved, a port that systems give out, and one taken over are not gone")
    func others() {
        #expect(found([listener(8080, "shop")], now: [(8081, "shop")]).isEmpty)
        #expect(found([listener(40_000, "shop")], now: []).isEmpty)
        #expect(found([listener(8080, "shop")], now: [(8080, "other")]).isEmpty)
    }

    @Test("What was gone long before the onset is little news")
    func old() throws {
        let recent = try #require(found([listener(8080, "shop")], now: []).first)
        let old = try #require(found([listener(8080, "shop", ago: 3000)], now: []).first)
        #expect(old.effect < recent.effect / 2)
    }
}
