/// Where the time of requests goes: in a service itself, or on the way to what it calls.
///
/// Made of the spans of traces. The own time of a visit is its duration without the time in which it waited for
/// another service; what a call took for the caller, less what it took for the callee, is time on the way.
package struct CallTimes: Sendable {
    /// One timed piece of work of a request.
    package struct Span: Sendable {
        package var service: Int
        package var operation: Int
        /// Place of its parent in the same trace; nil for none.
        package var parent: Int?
        /// Of the parent, also where its span is missing; nil for a root.
        package var parentService: Int?
        /// Seconds since any moment that the whole trace shares.
        package var start: Double
        package var seconds: Double

        package init(
            service: Int,
            operation: Int,
            parent: Int?,
            parentService: Int?,
            start: Double,
            seconds: Double
        ) {
            self.service = service
            self.operation = operation
            self.parent = parent
            self.parentService = parentService
            self.start = start
            self.seconds = seconds
        }

        /// Whether the request came into the service by it.
        package var isEntry: Bool { parentService != service }
    }

    package struct Call: Hashable, Sendable {
        package var caller: Int
        package var callee: Int
    }

    /// What each service did by itself, in seconds a visit, by the operation that it was entered by.
    package private(set) var own: [PathProfile.Entry: [Double]] = [:]
    package private(set) var ownOrder: [PathProfile.Entry] = []
    /// What each call lost on its way, in seconds.
    package private(set) var transit: [Call: [Double]] = [:]
    package private(set) var transitOrder: [Call] = []

    package init() {}

    /// Adds the spans of one trace.
    package mutating func add(_ trace: [Span]) {
        var children: [Int: [Int]] = [:]
        for (index, span) in trace.enumerated() {
            if let parent = span.parent, trace.indices.contains(parent), parent != index {
                children[parent, default: []].append(index)
            }
        }
        for (index, span) in trace.enumerated() where span.isEntry { visit(index, trace, children) }
    }

    private mutating func visit(_ first: Int, _ trace: [Span], _ children: [Int: [Int]]) {
        let root = trace[first]
        var stack = [first]
        var seen: Set<Int> = [first]
        /// Spans of this visit that waited for another service.
        var waits: [(from: Double, to: Double)] = []
        while let index = stack.popLast() {
            let span = trace[index]
            for child in children[index] ?? [] where seen.insert(child).inserted {
                let other = trace[child]
                if other.service == root.service {
                    stack.append(child)
                } else {
                    waits.append((span.start, span.start + span.seconds))
                    add(
                        max(0, span.seconds - other.seconds),
                        onTheWayOf: Call(caller: root.service, callee: other.service)
                    )
                }
            }
        }
        let waited = Self.covered(waits, from: root.start, to: root.start + root.seconds)
        add(
            max(0, root.seconds - waited),
            by: PathProfile.Entry(service: root.service, operation: root.operation)
        )
    }

    private mutating func add(_ seconds: Double, by entry: PathProfile.Entry) {
        if own[entry] == nil { ownOrder.append(entry) }
        own[entry, default: []].append(seconds)
    }

    private mutating func add(_ seconds: Double, onTheWayOf call: Call) {
        if transit[call] == nil { transitOrder.append(call) }
        transit[call, default: []].append(seconds)
    }

    /// Length of what intervals cover together inside bounds.
    static func covered(_ intervals: [(from: Double, to: Double)], from low: Double, to high: Double) -> Double {
        var sum = 0.0
        var end = low
        for interval in intervals.sorted(by: { ($0.from, $0.to) < ($1.from, $1.to) }) {
            let from = max(interval.from, end)
            let to = min(interval.to, high)
            guard to > from else { continue }
            sum += to - from
            end = to
        }
        return sum
    }
}
