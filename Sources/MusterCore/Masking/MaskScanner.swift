/// Walks over the bytes once and looks closer where a secret may begin.
///
/// Each `mask…` function looks at one place, replaces what it finds there, and says whether it did; ``resume`` is then
/// where the walk goes on. All of them look a bounded way ahead and back, or move ``resume`` as far as they looked.
struct MaskScanner {
    let input: UnsafeBufferPointer<UInt8>
    let rules: MaskRules
    private var output: [UInt8] = []
    /// Up to where the input is in the output, or replaced.
    private(set) var done = 0
    /// Where the walk goes on.
    var resume = 0
    /// End of the name that was last looked at, so that none is twice.
    var nameDone = 0
    /// End of what was last looked at as a token, for the same reason.
    private var tokenDone = 0

    init(_ input: UnsafeBufferPointer<UInt8>, rules: MaskRules) {
        self.input = input
        self.rules = rules
    }

    var count: Int { input.count }

    /// The byte at a place; 0 outside.
    @inline(__always)
    func byte(_ place: Int) -> UInt8 { place >= 0 && place < input.count ? input[place] : 0 }

    /// The output; nil when it is the input.
    mutating func run() -> [UInt8]? {
        rules.triggers.withBits { bits in walk(bits) }
        guard done > 0 else { return nil }
        output.append(contentsOf: input[done...])
        return output
    }

    private mutating func walk(_ bits: UnsafeBufferPointer<UInt8>) {
        var gram = 0
        var place = 0
        while place < input.count {
            let byte = input[place]
            gram = MaskTriggers.next(gram, byte)
            var found = false
            if bits[gram >> 3] & (1 << UInt8(truncatingIfNeeded: gram & 7)) != 0 {
                found = maskWord(place - 2)
            }
            // Letters, the most of a line, need no second look.
            if !found, byte < 0x41 {
                switch byte {
                case 0x30...0x39: found = maskNumber(place)
                case UInt8(ascii: ":"): found = self.byte(place + 1) == 0x2F && maskURL(place)
                case UInt8(ascii: "-"): found = maskDash(place)
                case UInt8(ascii: "@"): found = maskAt(place, signBytes: 1)
                case UInt8(ascii: "%"):
                    found =
                        self.byte(place + 1) == 0x34 && self.byte(place + 2) == 0x30
                        && maskAt(place, signBytes: 3)
                case UInt8(ascii: "$"): found = maskHash(place)
                default: break
                }
            }
            if found {
                gram = 0
                place = max(resume, place + 1)
            } else {
                place += 1
            }
        }
    }

    /// A trigger ends here: a token, a name, or one of the few words that stand before a secret.
    private mutating func maskWord(_ start: Int) -> Bool {
        guard start >= done else { return false }
        if !ByteKind.isWord(byte(start - 1)) || byte(start - 1) == UInt8(ascii: "_") {
            if start >= tokenDone {
                let (end, isToken) = TokenShape.end(input[start...])
                if isToken { return replace(start, end, isKey: true) }
                tokenDone = end
            }
            if !rules.words.isEmpty, maskOwnWord(start) { return true }
            if maskAfterWord(start) { return true }
        }
        return maskField(start)
    }

    private mutating func maskOwnWord(_ start: Int) -> Bool {
        var end = start
        while ByteKind.isName(byte(end)) { end += 1 }
        while end > start, !ByteKind.isWord(byte(end - 1)) { end -= 1 }
        let word = input[start..<end]
        return word.count <= 256 && rules.words.contains { $0.matches(word) } && replace(start, end)
    }

    /// Puts the placeholder in place of a stretch; false when it is empty or may be told, which a key never may.
    mutating func replace(
        _ start: Int,
        _ end: Int,
        by text: String = SecretMask.placeholder,
        isKey: Bool = false
    ) -> Bool {
        guard start >= done, start < end, end <= input.count else { return false }
        if !rules.allowed.isEmpty, !isKey {
            let value = input[start..<end]
            if value.count <= 256, rules.allowed.contains(where: { $0.matches(value) }) { return false }
        }
        if done == 0 { output.reserveCapacity(input.count + 64) }
        output.append(contentsOf: input[done..<start])
        output.append(contentsOf: text.utf8)
        done = end
        resume = end
        return true
    }

    // MARK: Looking about

    func blanksEnd(_ start: Int) -> Int {
        var place = start
        while ByteKind.isBlank(byte(place)) { place += 1 }
        return place
    }

    /// Whether a word in lower case begins here, letters of either case equal.
    func hasWord(_ lower: StaticString, at place: Int) -> Bool {
        guard place >= 0, place + lower.utf8CodeUnitCount <= input.count else { return false }
        return lower.withUTF8Buffer { buffer in
            for index in 0..<buffer.count {
                let byte = input[place + index]
                guard (ByteKind.isUpper(byte) ? byte | 0x20 : byte) == buffer[index] else { return false }
            }
            return true
        }
    }

    /// Start of the line that a place is in, looked for in `bytesMax` bytes before it; nil when it is farther away.
    func lineStart(_ place: Int, bytesMax: Int = 512) -> Int? {
        var start = place
        while start > 0, input[start - 1] != 0x0A {
            start -= 1
            if place - start > bytesMax { return nil }
        }
        return start
    }

    /// Where the word before a place begins and ends, blanks between them; empty when there is none in this line.
    func wordBefore(_ place: Int) -> Range<Int> {
        var end = place
        while end > 0, ByteKind.isBlank(input[end - 1]) { end -= 1 }
        var start = end
        while start > 0, end - start < 64, input[start - 1] > 0x20 { start -= 1 }
        return start..<end
    }

    func isWord(_ range: Range<Int>, in words: [StaticString]) -> Bool {
        words.contains { $0.utf8CodeUnitCount == range.count && hasWord($0, at: range.lowerBound) }
    }
}
