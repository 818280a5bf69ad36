import MusterCause
import Testing

@Suite struct CallTimesTests {
    typealias Span = CallTimes.Span

    private static func span(
        _ service: Int,
        parent: Int? = nil,
        of parentService: Int? = nil,
        from start: Double,
        to end: Double
    ) -> Span {
        Span(
            service: service,
            operation: service * 10,
            parent: parent,
            parentService: parentService,
            start: start,
            seconds: end - start
        )
    }

    private static func entry(_ service: Int) -> PathProfile.Entry {
        PathProfile.Entry(service: service, operation: service * 10)
    }

    @Test("The time of a call is the callee's, what is left of it is time on the way")
    func call() throws {
        var times = CallTimes()
        // Service 1 works for 10 s, of which its client waits from 2 to 9; service 2 is at work from 3 to 7.
        times.add([
            Self.span(1, from: 0, to: 10),
            Self.span(1, parent: 0, of: 1, from: 2, to: 9),
            Self.span(2, parent: 1, of: 1, from: 3, to: 7),
        ])
        #expect(times.own[Self.entry(1)] == [3])
        #expect(times.own[Self.entry(2)] == [4])
        #expect(times.transit[.init(caller: 1, callee: 2)] == [3])
    }

    @Test("Calls at the same time are waited for once, and a handler that hands over is no work")
    func parallel() {
        var times = CallTimes()
        times.add([
            Self.span(1, from: 0, to: 10),
            // A handler that only waits, beside the clients that it waits for.
            Self.span(1, parent: 0, of: 1, from: 0, to: 10),
            Self.span(1, parent: 0, of: 1, from: 1, to: 6),
            Self.span(1, parent: 0, of: 1, from: 4, to: 9),
            Self.span(2, parent: 2, of: 1, from: 1, to: 6),
            Self.span(3, parent: 3, of: 1, from: 4, to: 9),
        ])
        #expect(times.own[Self.entry(1)] == [2])
    }

    @Test("Broken traces: a parent that is missing, itself, or in a ring")
    func broken() {
        var times = CallTimes()
        times.add([
            Self.span(1, parent: 99, of: 5, from: 0, to: 1),
            Self.span(2, parent: 1, of: 7, from: 0, to: 1),
            Self.span(3, parent: 3, of: 3, from: 0, to: 1),
            Self.span(3, parent: 2, of: 3, from: 0, to: 1),
        ])
        #expect(times.own[Self.entry(1)] == [1])
        #expect(times.own[Self.entry(2)] == [1])
        #expect(times.own[Self.entry(3)] == nil)
    }
}
