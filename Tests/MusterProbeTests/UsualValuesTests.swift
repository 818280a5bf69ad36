import MusterCore
import Testing

@testable import MusterProbe

/// What is usual is learnt from good checks, and an incident does not become usual.
struct UsualValuesTests {
    private static func check(_ connect: Double, healthy: Bool = true, active: Double = 1) -> DependencyCheck
    {
        var check = DependencyCheck(name: "db", kind: "postgres", target: "10.0.0.5:5432/shop")
        check.healthy = healthy
        check.connectMilliseconds = connect
        check.totalMilliseconds = connect + 1
        check.values["active"] = active
        return check
    }

    private static func taught(_ times: Int = 60) -> UsualValues {
        var usual = UsualValues()
        for index in 0..<times {
            var check = check(Double(index % 3 + 1))
            _ = usual.take(&check)
        }
        return usual
    }

    @Test func nothingIsUsualAtFirst() {
        var usual = UsualValues()
        var check = Self.check(2)
        let isHighCheck = usual.take(&check)
        #expect(!isHighCheck)
        #expect(check.values["usual_active"] == nil)
    }

    @Test func aValueFarAboveIsSeenAndBarelyLearnt() throws {
        var usual = Self.taught()
        var ordinary = Self.check(3)
        let isHighOrdinary = usual.take(&ordinary)
        #expect(!isHighOrdinary)
        let before = try #require(ordinary.values["usual_connect_milliseconds"])
        #expect(before > 1 && before < 3)
        // An hour of it, one check each five seconds.
        var slow = Self.check(400, active: 30)
        for _ in 0..<720 {
            slow = Self.check(400, active: 30)
            let isHighSlow = usual.take(&slow)
            #expect(isHighSlow)
        }
        #expect(try #require(slow.values["usual_connect_milliseconds"]) < 40)
        #expect(try #require(slow.values["usual_active"]) < 6)
    }

    @Test func aFailedCheckTeachesNothing() throws {
        var usual = Self.taught()
        for _ in 0..<100 {
            var failed = Self.check(3000, healthy: false)
            let isHighFailed = usual.take(&failed)
            #expect(!isHighFailed)
            #expect(try #require(failed.values["usual_connect_milliseconds"]) < 3)
        }
    }

    @Test func oneSlowCheckAtTheStartIsNotUsual() throws {
        var usual = UsualValues()
        for value in [900.0, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2] {
            var check = Self.check(value)
            _ = usual.take(&check)
        }
        var check = Self.check(400)
        let isHighCheck = usual.take(&check)
        #expect(isHighCheck, "usual is \(check.values["usual_connect_milliseconds"] ?? -1)")
    }
}
