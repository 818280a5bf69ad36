import MusterCore
import MusterWire

/// What waits to be sent on one connection: bounded in bytes, with a counter of what was lost.
///
/// Answers are dropped whole when there is no room; small messages that keep the protocol going always fit.
struct Outbox {
    /// Most bytes of answers that wait.
    static let answersBytesMax = 16 << 20
    /// Most messages that wait, of any kind.
    static let messagesMax = 8192

    private struct Item {
        var body: WireEnvelope.OneOf_Body
        var answerBytes: Int
        /// Step of the ledger that this reports; nil for anything else.
        var step: UInt64?
    }

    private var items: [Item] = []
    private var first = 0
    private var answerBytes = 0
    /// Messages dropped since the agent started.
    private(set) var dropped: UInt64 = 0

    var isEmpty: Bool { first == items.count }
    private var count: Int { items.count - first }

    /// Adds a small message; false when even those pile up.
    mutating func add(_ body: WireEnvelope.OneOf_Body, step: UInt64? = nil) -> Bool {
        guard count < Self.messagesMax else {
            dropped += 1
            return false
        }
        items.append(Item(body: body, answerBytes: 0, step: step))
        return true
    }

    /// Adds all chunks of an answer or none; false when there is no room.
    mutating func add(chunks: [WireAnswerChunk], bytes: Int) -> Bool {
        guard answerBytes + bytes <= Self.answersBytesMax, count + chunks.count < Self.messagesMax else {
            dropped += UInt64(chunks.count)
            return false
        }
        let share = chunks.isEmpty ? 0 : bytes / chunks.count
        for chunk in chunks { items.append(Item(body: .answer(chunk), answerBytes: share, step: nil)) }
        answerBytes += share * chunks.count
        return true
    }

    /// Takes the next message.
    mutating func next() -> (body: WireEnvelope.OneOf_Body, step: UInt64?)? {
        guard first < items.count else { return nil }
        let item = items[first]
        first += 1
        answerBytes -= item.answerBytes
        if first == items.count {
            items.removeAll(keepingCapacity: false)
            first = 0
        } else if first > 256 {
            items.removeFirst(first)
            first = 0
        }
        return (item.body, item.step)
    }

    /// Forgets everything of a connection that is gone.
    ///
    /// Reports of actions are in the ledger and come again by themselves; the rest nobody waits for any more.
    mutating func clear() {
        dropped += UInt64(items[first...].count { $0.step == nil })
        items = []
        first = 0
        answerBytes = 0
    }
}
