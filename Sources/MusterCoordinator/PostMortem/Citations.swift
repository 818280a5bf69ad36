import MusterCore
import MusterIncident

/// What a sentence of a post-mortem rests on: `[3]` in the text, and the event behind it in a list at the end.
struct Citations {
    private var cited: Set<Int> = []
    private let events: [StoredEvent]

    init(_ events: [StoredEvent]) { self.events = events }

    /// Ends a sentence with the events that it rests on.
    mutating func sentence(_ text: String, _ events: StoredEvent?...) -> String {
        sentence(text, resting: events.compactMap { $0 })
    }

    /// Ends a sentence with the events that it rests on.
    mutating func sentence(_ text: String, resting events: [StoredEvent]) -> String {
        let numbers = Set(events.map(\.seq)).sorted()
        cited.formUnion(numbers)
        let marks = numbers.map { "[\($0)]" }.joined()
        return "\(MarkdownText.escaped(text)) \(marks)"
    }

    /// The list of what was cited.
    var list: [String] {
        events.filter { cited.contains($0.seq) }.map {
            "[\($0.seq)]: muster:event/\($0.id) \"\($0.kind.rawValue) at \($0.at)\""
        }
    }
}
