import MusterCause
import Testing

@Suite struct PathProfileTests {
    typealias Step = PathProfile.Step

    private static let entry = PathProfile.Entry(service: 1, operation: 10)
    private static let lookUp = Step.log(template: 1, level: .normal)
    private static let answer = Step.log(template: 2, level: .normal)
    private static let failure = Step.log(template: 3, level: .error)
    private static let call = Step.call(service: 2)
    private static let handler = Step.operation(77)

    private static func profile(
        history: [(Int, [Step])] = [],
        before: [(Int, [Step])] = [],
        now: [(Int, [Step])]
    ) -> PathProfile {
        var profile = PathProfile()
        for (era, visits) in [(PathProfile.Era.history, history), (.before, before), (.now, now)] {
            for (count, steps) in visits {
                for _ in 0..<count { profile.add(entry, steps: steps, in: era) }
            }
        }
        return profile
    }

    @Test("A step that was always taken and is missing now tells nearly all")
    func lost() throws {
        let found = Self.profile(
            history: [(20, [Self.lookUp, Self.answer])],
            now: [(12, [Self.lookUp])]
        ).differences()
        let difference = try #require(found.first)
        #expect(difference.step == Self.answer)
        #expect(difference.usual == (20, 20))
        #expect(difference.now == (0, 12))
        #expect(difference.effect > 0.95)
    }

    @Test("An error that comes instead tells as much; one that goes away tells nothing")
    func errors() throws {
        let worse = Self.profile(history: [(20, [Self.lookUp])], now: [(12, [Self.lookUp, Self.failure])])
        let difference = try #require(worse.differences().first)
        #expect(difference.step == Self.failure)
        #expect(difference.effect > 0.95)
        let better = Self.profile(history: [(20, [Self.lookUp, Self.failure])], now: [(12, [Self.lookUp])])
        #expect(better.differences().isEmpty)
    }

    @Test("What is new and well is no symptom")
    func new() {
        let found = Self.profile(history: [(20, [Self.lookUp])], now: [(12, [Self.lookUp, Self.call])])
        #expect(found.differences().isEmpty)
    }

    @Test("A handler that runs only along with errors counts as one")
    func handler() throws {
        let steps = [Self.lookUp, Self.failure, Self.handler]
        let worse = Self.profile(history: [(20, [Self.lookUp])], now: [(12, steps)])
        #expect(try #require(worse.differences().first).effect > 0.95)
        let better = Self.profile(history: [(20, steps)], now: [(12, [Self.lookUp])])
        #expect(better.differences().isEmpty)
    }

    @Test("History alone is the measure where there is enough of it: the last minute may be sick already")
    func history() throws {
        let sickBefore = Self.profile(
            history: [(10, [Self.lookUp, Self.answer])],
            before: [(30, [Self.lookUp])],
            now: [(12, [Self.lookUp])]
        )
        #expect(try #require(sickBefore.differences().first).effect > 0.8)
        let onlyBefore = Self.profile(
            before: [(10, [Self.lookUp, Self.answer])],
            now: [(12, [Self.lookUp])]
        )
        #expect(try #require(onlyBefore.differences().first).effect > 0.8)
    }

    @Test("A few requests, and a share that moved a little, tell little or nothing")
    func chance() {
        let few = Self.profile(history: [(20, [Self.lookUp, Self.answer])], now: [(3, [Self.lookUp])])
        #expect(few.differences().isEmpty)
        let little = Self.profile(
            history: [(18, [Self.lookUp, Self.answer]), (2, [Self.lookUp])],
            now: [(8, [Self.lookUp, Self.answer]), (2, [Self.lookUp])]
        )
        #expect(little.differences().isEmpty)
    }

    @Test("Of each service the strongest difference, in the order in which services came")
    func services() {
        var profile = PathProfile()
        for service in [5, 3, 9] {
            let entry = PathProfile.Entry(service: service, operation: 1)
            for _ in 0..<20 { profile.add(entry, steps: [Self.lookUp, Self.answer], in: .history) }
            for _ in 0..<10 { profile.add(entry, steps: [Self.lookUp], in: .now) }
        }
        #expect(profile.differences().map(\.entry.service) == [5, 3, 9])
    }

    @Test("Counts by minute: a step is missing for the requests that came, not because fewer came")
    func counts() throws {
        var counts = CallCounts()
        for service in [1, 2] {
            counts.add(entriesOf: service, 1_000, isNow: false)
            counts.add(1_000, operation: 7, of: service, isNow: false)
        }
        counts.add(entriesOf: 1, 100, isNow: true)
        counts.add(2, operation: 7, of: 1, isNow: true)
        counts.add(entriesOf: 2, 10, isNow: true)
        counts.add(10, operation: 7, of: 2, isNow: true)
        let found = counts.differences()
        #expect(found.map(\.step.service) == [1])
        #expect(try #require(found.first).expected == 100)
        #expect(try #require(found.first).effect > 0.9)
    }

    @Test(
        "A statement ends where the first named value begins",
        arguments: [
            ("INFO route of [id: 7, city: Paris]", "INFO route of [id"),
            ("user logged in name=alice", "user logged in name"),
            ("plain words without any value", "plain words without any value"),
            ("ERROR: disk is full", "ERROR: disk is full"),
            ("call of std::vector::at failed", "call of std::vector::at failed"),
            ("", ""),
        ]
    )
    func statement(template: String, statement: String) {
        #expect(LogStatement.text(template) == statement)
    }
}
