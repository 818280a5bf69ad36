/// Learns from log lines as they come which of them one statement of a program wrote.
///
/// A line is cut into words and variable parts (``LogTokenizer``); lines with the same sequence are one template
/// at once. What the words themselves don't tell is learnt: where templates differ in one word only, and that
/// word takes many values, it is a variable part too, and they become one. So a template may be joined to another
/// later, and its counts with it; ``resolve(_:)`` tells which it is by then.
///
/// One configuration for every program and host. Ids are hashes of the words, so that equal templates of several
/// hosts have equal ids. Memory is bounded: the templates not seen for longest make room. Not thread-safe.
package struct LogTemplateMiner {
    struct Entry {
        /// Hash of the words, neighbouring variable parts as one.
        var key: UInt64
        var count: Int
        /// Number of the line that was the last.
        var lastLine: Int
        /// The template that it was joined to; itself for none.
        var parent: Int32
        var tokens: [LogToken]
        /// The message that showed it first, as far as its tokens reach.
        var message: [UInt8]
    }

    /// Templates that differ in one word; the first apart, since most families have one member.
    struct Family {
        var first: Int32
        var others: [Int32] = []
        var count: Int { 1 + others.count }
    }

    /// A template with a learnt variable part, as lines are compared with it.
    struct Pattern {
        var tokens: [UInt32]
        var slot: Int32
    }

    struct Recent {
        var shape: UInt64 = 0
        var slot: Int32 = -1
    }

    /// What stands for a variable part.
    package static let placeholder = "<*>"

    /// Words of a line at which families are kept.
    static let positionsMax = 24
    /// Values that a word takes before it counts as a variable part.
    static let valuesMin = 4
    /// The same where little else is constant, or in the first word, which mostly names what happened.
    static let valuesMinWeak = 10
    static let familyMax = 64
    /// Lines after which what is not certain at once is looked at again.
    private static let settleLines = 1_000
    static let messageBytesMax = 512
    static let recentCount = 4_096
    /// Bytes of a line that have an influence, and those of them among which a header's fields may be.
    private static let shapeBytesMax = LogTokenizer.bytesMax + 512
    private static let headerBytesMax = 48

    let templatesMax: Int
    var entries: [Entry] = []
    var free: [Int32] = []
    var byKey: [UInt64: Int32] = [:]
    var families: [UInt64: Family] = [:]
    var patterns: [Int: [Pattern]] = [:]
    /// Families that may be one template, by the place of the word.
    var doubtful: [UInt64: Int] = [:]
    var recent = [Recent](repeating: Recent(), count: Self.recentCount)
    var scratch = [LogToken](
        repeating: LogToken(hash: 0, start: 0, end: 0),
        count: LogTokenizer.tokensMax
    )
    private let flags = LogByte.flags
    /// Lines learnt so far.
    package private(set) var lines = 0
    /// Templates that made room for others.
    package internal(set) var forgotten = 0

    /// A miner that keeps up to `templatesMax` templates, at about half a kilobyte each.
    package init(templatesMax: Int = 2_048) {
        self.templatesMax = max(16, templatesMax)
    }

    /// Learns a line and tells the slot of its template.
    ///
    /// Costs a few nanoseconds per byte. A slot keeps its meaning until its template is forgotten.
    ///
    /// - Parameters:
    ///   - line: One line without its line break; any bytes.
    ///   - hasHeader: Whether time, level, host, program and the like may stand before the message.
    ///   - weight: Lines that it stands for, when others were left out.
    /// - Returns: the slot.
    package mutating func learn(
        _ line: UnsafeBufferPointer<UInt8>,
        hasHeader: Bool,
        weight: Int = 1
    ) -> Int {
        lines += 1
        let shape = Self.shape(of: line, hasHeader: hasHeader)
        let place = Int(truncatingIfNeeded: shape % UInt64(Self.recentCount))
        var slot = recent[place].shape == shape ? recent[place].slot : -1
        if slot < 0 {
            slot = lookUp(line, hasHeader: hasHeader)
            recent[place] = Recent(shape: shape, slot: slot)
        }
        if entries[Int(slot)].parent != slot { slot = root(slot) }
        entries[Int(slot)].count += weight
        entries[Int(slot)].lastLine = lines
        if lines % Self.settleLines == 0 { settle() }
        return Int(slot)
    }

    private mutating func lookUp(_ line: UnsafeBufferPointer<UInt8>, hasHeader: Bool) -> Int32 {
        let (start, count) = flags.withUnsafeBufferPointer { flags in
            let start = hasHeader ? LogHeader.messageStart(line, flags: flags) : 0
            let count = scratch.withUnsafeMutableBufferPointer {
                LogTokenizer.scan(line, from: start, flags: flags, into: $0)
            }
            return (start, count)
        }
        let key = Self.key(scratch[..<count])
        return byKey[key] ?? matching(count) ?? add(line, start, count, key)
    }

    /// A number that two lines share only when they have the same tokens: most lines differ from one that came
    /// lately in nothing but digits.
    ///
    /// All digits are equal, and behind the part in which a header may be, runs of them are, however long.
    private static func shape(of line: UnsafeBufferPointer<UInt8>, hasHeader: Bool) -> UInt64 {
        var hash: UInt64 = hasHeader ? 0x9E37_79B9_7F4A_7C15 : 0xCBF2_9CE4_8422_2325
        var wasDigit = false
        var place = 0
        let end = min(line.count, shapeBytesMax)
        while place < end {
            var byte = line[place]
            if byte &- 0x30 < 10 {
                byte = 0x30
                if wasDigit, place >= headerBytesMax {
                    place += 1
                    continue
                }
                wasDigit = true
            } else {
                wasDigit = false
            }
            hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3
            place += 1
        }
        return hash
    }

    /// The same for a slice of a file.
    package mutating func learn(_ line: ArraySlice<UInt8>, hasHeader: Bool, weight: Int = 1) -> Int {
        line.withUnsafeBufferPointer { learn($0, hasHeader: hasHeader, weight: weight) }
    }

    /// The slot of the template that the one in a slot belongs to by now.
    package func resolve(_ slot: Int) -> Int {
        guard entries.indices.contains(slot) else { return slot }
        return Int(root(Int32(slot)))
    }

    func root(_ slot: Int32) -> Int32 {
        var slot = slot
        while entries[Int(slot)].parent != slot { slot = entries[Int(slot)].parent }
        return slot
    }

    /// Joins what could not be decided when it was seen first: names with dots, of which nearly each line has
    /// another, are values; a few that come again and again belong to the statement.
    package mutating func settle() {
        for (key, position) in doubtful.sorted(by: { $0.key < $1.key }) {
            doubtful[key] = nil
            guard let family = families[key] else { continue }
            let members = members(key, family, at: position)
            if areNames(members, at: position) { join(key, members, at: position) }
        }
    }

    // MARK: Templates

    /// Templates and what was joined to them, as many as memory is used for.
    package var templatesKnown: Int { byKey.count }

    /// Identity of a template: equal on every host that has seen the same words.
    package func id(_ slot: Int) -> UInt64 { entries[slot].key }

    /// The text of a template by its identity; nil when it is forgotten, or was joined to another.
    package func text(id: UInt64) -> String? {
        guard let slot = byKey[id], entries[Int(slot)].parent == slot else { return nil }
        return text(Int(slot))
    }

    /// Lines of it, with those that stood for others.
    package func count(_ slot: Int) -> Int { entries[slot].count }

    /// The template as text: its first message with `<*>` for each variable part.
    package func text(_ slot: Int) -> String {
        let entry = entries[slot]
        var text: [UInt8] = []
        var place = 0
        var wasVariable = false
        for token in entry.tokens {
            let start = Int(token.start)
            let stop = Int(token.end)
            guard stop <= entry.message.count else { break }
            if token.hash == LogToken.variable {
                // Only marks between two variable parts: they are one.
                if !wasVariable {
                    text += entry.message[place..<start]
                    text += Array(Self.placeholder.utf8)
                }
            } else {
                text += entry.message[place..<stop]
            }
            wasVariable = token.hash == LogToken.variable
            place = stop
        }
        text += entry.message[place...]
        return String(decoding: text, as: UTF8.self)
    }

    // MARK: Looking up

    /// Hash of a sequence, in which neighbouring variable parts are one.
    static func key(_ tokens: some Collection<LogToken>) -> UInt64 {
        var key: UInt64 = 0xCBF2_9CE4_8422_2325
        var wasVariable = false
        for token in tokens {
            let isVariable = token.hash == LogToken.variable
            if isVariable, wasVariable { continue }
            wasVariable = isVariable
            key = mixed(key ^ UInt64(token.hash))
        }
        return key
    }

    static func mixed(_ value: UInt64) -> UInt64 {
        let product = value &* 0x9E37_79B9_7F4A_7C15
        return product ^ product >> 29
    }

    /// The template with learnt variable parts that the tokens in `scratch` belong to.
    private func matching(_ count: Int) -> Int32? {
        guard let patterns = patterns[count] else { return nil }
        for pattern in patterns.reversed() where matches(pattern, scratch[..<count]) { return pattern.slot }
        return nil
    }

    func matches(_ pattern: Pattern, _ tokens: some Collection<LogToken>) -> Bool {
        pattern.tokens.count == tokens.count
            && zip(pattern.tokens, tokens).allSatisfy { $0 == LogToken.variable || $0 == $1.hash }
    }
}
