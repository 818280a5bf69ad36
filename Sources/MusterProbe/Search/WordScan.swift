import CLinux
import Glibc

/// A word that is looked for, letters of either case equal, and what must stand around it.
struct ScanWord: Hashable, Sendable {
    enum Surroundings: Hashable, Sendable {
        case any
        /// Behind the word blanks, quotes, colons, equals signs and backslashes, as many as like, and then a digit
        /// of these; bit n is the digit n.
        case digit(UInt16)
        /// No letter in front; and with the letters behind it the word is in capitals, or behind one of `[<"'=:`, or
        /// before a colon.
        case level
    }

    /// Lower-case; at least one byte.
    var bytes: [UInt8]
    var surroundings: Surroundings

    init(_ bytes: [UInt8], _ surroundings: Surroundings = .any) {
        self.bytes = bytes.map { $0.lowercased }
        self.surroundings = surroundings
    }

    init(_ text: String, _ surroundings: Surroundings = .any) { self.init(Array(text.utf8), surroundings) }
}

/// Finds the places of a few words in a block, at several gigabytes a second where they are rare.
///
/// Needs ``padding`` readable bytes behind the block. A place that is told holds a whole word, letters of either case
/// equal; none is left out.
struct WordScan: Sendable {
    /// Bytes after the end of what is searched that must be readable.
    static let padding = 64

    private struct Placed {
        /// Where in ``bytes`` the word is.
        var first: Int
        var count: Int
        /// Where in the word its four telling bytes are.
        var telling: Int
        /// The telling bytes are the word's when, with the case bits of letters set, they have this value.
        var fold: UInt32 = 0
        var mask: UInt32 = 0
        var value: UInt32 = 0
        var surroundings: ScanWord.Surroundings

        init(_ word: ScanWord, first: Int, telling: Int) {
            self.first = first
            self.telling = telling
            count = word.bytes.count
            surroundings = word.surroundings
            for (step, byte) in word.bytes[telling...].prefix(4).enumerated() {
                // Read as little-endian.
                let shift = UInt32(step * 8)
                fold |= byte.isLetter ? 0x20 << shift : 0
                mask |= 0xFF << shift
                value |= UInt32(byte) << shift
            }
        }
    }

    /// Whether 32 bytes are looked at at a time; without what it takes, one is.
    private let isWide: Int32
    private var fingerprints = muster_fingerprints()
    private var bytes: [UInt8] = []
    /// The words, those of one bit together.
    private var words: [Placed] = []
    /// Where in ``words`` those of each bit begin, and their end.
    private var ends: [Int] = [0]

    /// Nil without words, or when one is empty: everything would match.
    init?(_ words: [ScanWord], isWide: Bool = muster_scan_is_wide() != 0) {
        guard !words.isEmpty, words.allSatisfy({ !$0.bytes.isEmpty }) else { return nil }
        self.isWide = isWide ? 1 : 0
        for (bit, group) in Self.groups(Set(words)).enumerated() {
            withUnsafeMutableBytes(of: &fingerprints) { tables in
                for step in 0..<4 {
                    for half in 0..<16 {
                        // The table of the low halves, four times sixteen bytes, then that of the high ones.
                        if group.low[step] >> half & 1 == 1 { tables[step * 16 + half] |= 1 << bit }
                        if group.high[step] >> half & 1 == 1 { tables[64 + step * 16 + half] |= 1 << bit }
                    }
                }
            }
            for (word, telling) in group.words {
                self.words.append(Placed(word, first: bytes.count, telling: telling))
                bytes += word.bytes
            }
            ends.append(self.words.count)
        }
    }

    /// The first place at or after `from` where a word begins that ends before `end`; nil when there is none.
    ///
    /// Words that began before `from` are not told.
    func next(_ base: UnsafePointer<UInt8>, from: Int, end: Int) -> Int? {
        withUnsafePointer(to: fingerprints) { fingerprints in
            bytes.withUnsafeBufferPointer { bytes -> Int? in
                guard let bytes = bytes.baseAddress else { return nil }
                var place = from
                while true {
                    place = muster_scan(fingerprints, base, place, end, isWide)
                    guard place < end else { return nil }
                    var bits = muster_fingerprints_at(fingerprints, base + place)
                    let here = UnsafeRawPointer(base + place).loadUnaligned(as: UInt32.self).littleEndian
                    while bits != 0 {
                        let bit = bits.trailingZeroBitCount
                        bits &= bits - 1
                        for index in ends[bit]..<ends[bit + 1] {
                            let word = words[index]
                            guard (here | word.fold) & word.mask == word.value else { continue }
                            let start = place - word.telling
                            if start >= from, Self.matches(word, bytes, base, from, start, end) {
                                return start
                            }
                        }
                    }
                    place += 1
                }
            }
        }
    }

    /// Whether a word stands at a place; `begin` and `end` bound what may be looked at.
    private static func matches(
        _ word: Placed,
        _ bytes: UnsafePointer<UInt8>,
        _ base: UnsafePointer<UInt8>,
        _ begin: Int,
        _ start: Int,
        _ end: Int
    ) -> Bool {
        let behind = start + word.count
        guard behind <= end else { return false }
        for index in 0..<word.count where base[start + index].lowercased != bytes[word.first + index] {
            return false
        }
        switch word.surroundings {
        case .any: return true
        case .digit(let digits):
            var place = behind
            while place < end {
                switch base[place] {
                case 0x20, 0x09, 0x22, 0x27, 0x3A, 0x3D, 0x5C: place += 1
                case 0x30...0x39: return digits >> UInt16(base[place] - 0x30) & 1 == 1
                default: return false
                }
            }
            return false
        case .level:
            let before = start > begin ? base[start - 1] : 0x0A
            guard !before.isLetter else { return false }
            var wordEnd = behind
            while wordEnd < end, base[wordEnd].isLetter { wordEnd += 1 }
            switch before {
            case UInt8(ascii: "["), UInt8(ascii: "<"), 0x22, 0x27, UInt8(ascii: "="), UInt8(ascii: ":"):
                return true
            default: break
            }
            if wordEnd < end, base[wordEnd] == UInt8(ascii: ":") { return true }
            for place in start..<wordEnd where base[place] & 0x20 != 0 { return false }
            return true
        }
    }

    /// Words by the bit that they share, so that few places look like a word that are none.
    private static func groups(_ words: Set<ScanWord>) -> [WordGroup] {
        var groups: [WordGroup] = []
        // Short words first: long ones have a choice of bytes to be told by.
        let ordered = words.sorted {
            ($0.bytes.count, $1.bytes[0], "\($0)") < ($1.bytes.count, $0.bytes[0], "\($1)")
        }
        for word in ordered {
            var best = (group: 0, with: WordGroup(), cost: Double.infinity)
            for index in 0..<min(8, groups.count + 1) {
                let group = index < groups.count ? groups[index] : WordGroup()
                for telling in 0...max(0, word.bytes.count - 4) {
                    let with = group.adding(word, telling: telling)
                    // Where one seems to be, each of the group's words is looked at.
                    let cost =
                        with.commonness * Double(with.words.count) - group.commonness
                        * Double(group.words.count)
                    if cost < best.cost { best = (index, with, cost) }
                }
            }
            if best.group < groups.count { groups[best.group] = best.with } else { groups.append(best.with) }
        }
        return groups
    }
}

/// Words that are looked for as one: their four telling bytes by halves.
private struct WordGroup {
    /// The words, and where in each its telling bytes are.
    var words: [(word: ScanWord, telling: Int)] = []
    /// For each of the four bytes a bit for each value that its low half may have, and its high half.
    var low: [UInt16] = [0, 0, 0, 0]
    var high: [UInt16] = [0, 0, 0, 0]
    /// Share of the places in a log that look like one of the words, roughly.
    var commonness = 0.0

    func adding(_ word: ScanWord, telling: Int) -> WordGroup {
        var group = self
        group.words.append((word, telling))
        for step in 0..<4 {
            // A word of fewer bytes may have any byte behind it.
            let alike = telling + step < word.bytes.count ? word.bytes[telling + step].alike : Array(0...255)
            for byte in alike {
                group.low[step] |= 1 << UInt16(byte & 15)
                group.high[step] |= 1 << UInt16(byte >> 4)
            }
        }
        group.commonness = group.estimate()
        return group
    }

    private func estimate() -> Double {
        var share = 1.0
        for step in 0..<4 {
            var sum = 0.0
            for byte in UInt8.min...UInt8.max {
                let isLow = low[step] >> UInt16(byte & 15) & 1 == 1
                if isLow, high[step] >> UInt16(byte >> 4) & 1 == 1 { sum += byte.commonness }
            }
            share *= sum
        }
        return share
    }
}

extension UInt8 {
    /// Of a letter the small one; any other byte is itself.
    var lowercased: UInt8 { (0x41...0x5A).contains(self) ? self | 0x20 : self }

    /// Roughly which share of a log's bytes is this one; only the order of size matters.
    fileprivate var commonness: Double {
        switch self {
        case 0x20: 0.12
        case 0x30...0x33: 0.03
        case 0x34...0x39: 0.02
        case UInt8(ascii: "e"), UInt8(ascii: "a"), UInt8(ascii: "t"), UInt8(ascii: "o"), UInt8(ascii: "i"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "s"):
            0.03
        case UInt8(ascii: "j"), UInt8(ascii: "q"), UInt8(ascii: "x"), UInt8(ascii: "z"): 0.002
        case 0x61...0x7A: 0.012
        case UInt8(ascii: "."), UInt8(ascii: ":"), UInt8(ascii: "/"), UInt8(ascii: "-"), 0x22: 0.015
        case 0x41...0x5A: 0.006
        case 0x21...0x7E: 0.004
        default: 0.0001
        }
    }

    var isLetter: Bool { (self | 0x20) &- 0x61 < 26 }

    /// A letter in either case; any other byte alone.
    fileprivate var alike: [UInt8] { (0x61...0x7A).contains(self) ? [self, self & 0xDF] : [self] }
}
