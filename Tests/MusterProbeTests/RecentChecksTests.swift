import MusterCore
import Testing

@testable import MusterProbe

/// The latest checks are counted by how they went, from the first one that went wrong.
struct RecentChecksTests {
    private static let timeout = Duration.seconds(2)

    private static func check(
        connect: Double? = 1,
        total: Double = 2,
        healthy: Bool = true,
        kind: String = "http",
        _ reason: String = ""
    ) -> DependencyCheck {
        var check = DependencyCheck(name: "api", kind: kind, target: "http://10.0.0.3/")
        check.healthy = healthy
        check.reason = reason
        check.dnsMilliseconds = 0.1
        check.connectMilliseconds = connect
        check.totalMilliseconds = total
        check.values = ["usual_connect_milliseconds": 1, "usual_total_milliseconds": 2]
        return check
    }

    private static func recent(_ checks: [DependencyCheck]) -> [String: Double] {
        var recent = RecentChecks()
        for check in checks { recent.take(check, timeout: timeout) }
        var check = DependencyCheck(name: "api", kind: "http", target: "http://10.0.0.3/")
        recent.describe(&check)
        return check.values
    }

    private static let good = check()
    private static let unconnected = check(connect: nil, total: 2001, healthy: false)
    private static let unanswered = check(total: 2001, healthy: false)

    @Test func nothingIsSaidWhileAllIsWell() {
        #expect(Self.recent(Array(repeating: Self.good, count: 20)).isEmpty)
    }

    @Test func whatWentBeforeTheTroubleIsNotCounted() {
        let good = Array(repeating: Self.good, count: 5)
        #expect(Self.recent(good + [Self.unconnected, Self.unconnected]) == ["recent_unconnected": 2])
        let mixed = good + [Self.unconnected, Self.good, Self.unanswered]
        #expect(
            Self.recent(mixed) == ["recent_unconnected": 1, "recent_prompt": 1, "recent_unanswered": 1]
        )
    }

    @Test func aLateAnswerBeforeIsNotTheBeginningOfAWall() {
        let late = Self.check(total: 200)
        #expect(
            Self.recent([late, Self.good, Self.unconnected, Self.unconnected]) == ["recent_unconnected": 2]
        )
        #expect(Self.recent([late, Self.good]) == ["recent_slow_answers": 1, "recent_prompt": 1])
    }

    @Test func lateConnectionsAreToldByWhetherAPacketWasSentAgain() {
        let slow = Self.check(connect: 300, total: 302)
        let resent = Self.check(connect: 1010, total: 1012)
        #expect(
            Self.recent([resent, slow]) == ["recent_resent_connections": 1, "recent_slow_connections": 1]
        )
    }

    @Test func whatTellsNothingOfTheWayIsLeftOut() {
        let refused = Self.check(connect: nil, total: 1, healthy: false, "connection refused")
        var broken = Self.check(total: 2, healthy: false, "HTTP status 500")
        broken.status = 500
        #expect(Self.recent([refused, broken, Self.good]).isEmpty)
        #expect(Self.recent([Self.unconnected, refused, Self.good]).count == 2)
    }

    @Test func aHeldSessionIsAskedAndMadeAnew() {
        let asked = Self.check(
            connect: nil,
            total: 2001,
            healthy: false,
            kind: "postgres",
            "10.0.0.5:5432/shop did not finish the statement within 2 s"
        )
        let made = Self.check(
            connect: nil,
            total: 2001,
            healthy: false,
            kind: "postgres",
            "cannot connect: 10.0.0.5:5432/shop: no connection within 2 s"
        )
        #expect(Self.recent([asked, made]) == ["recent_unanswered": 1, "recent_unconnected": 1])
    }

    @Test func onlyTheLatestCount() {
        let many = Array(repeating: Self.unconnected, count: 30)
        #expect(Self.recent(many) == ["recent_unconnected": Double(CheckOutcome.recentMax)])
        #expect(Self.recent(many + Array(repeating: Self.good, count: CheckOutcome.recentMax)).isEmpty)
    }
}
