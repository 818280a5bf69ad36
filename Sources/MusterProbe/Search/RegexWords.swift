/// Finds words of which one must be in every line that a regular expression matches.
///
/// Reads the pattern with caution: whatever it does not know for certain ends with no words, and then every line is
/// looked at. Letters of either case are equal to whoever looks for the words, so `(?i)` changes nothing.
struct RegexWords {
    /// Alternatives of which one is in every match; nil when nothing is known.
    private typealias Need = [[UInt8]]

    private enum Atom {
        case byte(UInt8)
        /// Matches nothing but a place.
        case place
        case other(Need?)
    }

    private static let depthMax = 50
    private static let alternativesMax = 24

    private let pattern: [UInt8]
    private var place = 0
    private var isStrange = false

    /// The words, each of at least two bytes; empty when any line may match.
    static func required(by pattern: String) -> [ScanWord] {
        var reader = RegexWords(pattern: Array(pattern.utf8))
        let need = reader.alternatives(depth: 0)
        guard !reader.isStrange, reader.place == reader.pattern.count, let need,
            need.allSatisfy({ $0.count >= 2 })
        else { return [] }
        return need.map { ScanWord($0) }
    }

    private init(pattern: [UInt8]) { self.pattern = pattern }

    private var next: UInt8? { place < pattern.count ? pattern[place] : nil }

    private mutating func take(_ byte: Character) -> Bool {
        guard let next, next == byte.asciiValue else { return false }
        place += 1
        return true
    }

    private mutating func alternatives(depth: Int) -> Need? {
        guard depth < Self.depthMax else {
            isStrange = true
            return nil
        }
        var all: Need = []
        var isKnown = true
        repeat {
            if let branch = sequence(depth: depth) { all += branch } else { isKnown = false }
        } while !isStrange && take("|")
        return isKnown && all.count <= Self.alternativesMax ? all : nil
    }

    private mutating func sequence(depth: Int) -> Need? {
        var best: Need?
        var run: [UInt8] = []
        func consider(_ need: Need?) {
            guard let need, let shortest = need.map(\.count).min(), shortest > 0 else { return }
            guard let known = best, let bar = known.map(\.count).min() else { return best = need }
            // Longer words are rarer; of equals fewer.
            if shortest > bar || shortest == bar && need.count < known.count { best = need }
        }
        while !isStrange, let byte = next, byte != UInt8(ascii: "|"), byte != UInt8(ascii: ")") {
            let atom = atom(depth: depth)
            guard let (least, isOne) = quantifier() else {
                isStrange = true
                return nil
            }
            switch atom {
            case .place: break
            case .byte(let byte):
                if least > 0 { run.append(byte) }
                if !isOne {
                    consider([run])
                    // What comes next stands behind the last of the repeated bytes.
                    run = least > 0 ? [byte] : []
                }
            case .other(let need):
                consider([run])
                run = []
                if least > 0 { consider(need) }
            }
        }
        consider([run])
        return best
    }

    /// How often the last atom must be there, and whether it is there just once; nil for what is no quantifier.
    private mutating func quantifier() -> (least: Int, isOne: Bool)? {
        var found: (least: Int, isOne: Bool) = (1, true)
        switch next {
        case UInt8(ascii: "*"), UInt8(ascii: "?"):
            place += 1
            found = (0, false)
        case UInt8(ascii: "+"):
            place += 1
            found = (1, false)
        case UInt8(ascii: "{"):
            let content = pattern[(place + 1)...].prefix { $0 != UInt8(ascii: "}") }
            let least = content.prefix { $0 != UInt8(ascii: ",") }
            guard content.endIndex < pattern.count, let number = least.decimal,
                content.dropFirst(least.count + 1).allSatisfy({ (0x30...0x39).contains($0) })
            else { return nil }
            place = content.endIndex + 1
            found = (number, false)
        default: return found
        }
        // Lazy or possessive.
        if next == UInt8(ascii: "?") || next == UInt8(ascii: "+") { place += 1 }
        return found
    }

    private mutating func atom(depth: Int) -> Atom {
        guard let byte = next else { return strange() }
        place += 1
        switch byte {
        case UInt8(ascii: "\\"): return escape()
        case UInt8(ascii: "["): return bracket()
        case UInt8(ascii: "("): return group(depth: depth)
        case UInt8(ascii: "."): return .other(nil)
        case UInt8(ascii: "^"), UInt8(ascii: "$"): return .place
        case UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "?"), UInt8(ascii: "{"): return strange()
        default: return .byte(byte)
        }
    }

    private mutating func strange() -> Atom {
        isStrange = true
        return .other(nil)
    }

    private mutating func escape() -> Atom {
        guard let byte = next else { return strange() }
        place += 1
        switch byte {
        case UInt8(ascii: "d"), UInt8(ascii: "D"), UInt8(ascii: "w"), UInt8(ascii: "W"), UInt8(ascii: "s"),
            UInt8(ascii: "S"), UInt8(ascii: "h"), UInt8(ascii: "H"), UInt8(ascii: "v"), UInt8(ascii: "V"),
            UInt8(ascii: "N"), UInt8(ascii: "R"), UInt8(ascii: "t"):
            // \N{…} is a code point.
            return next == UInt8(ascii: "{") && byte == UInt8(ascii: "N") ? strange() : .other(nil)
        case UInt8(ascii: "b"), UInt8(ascii: "B"), UInt8(ascii: "A"), UInt8(ascii: "z"), UInt8(ascii: "Z"):
            return .place
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: return strange()
        default: return .byte(byte)
        }
    }

    /// A class of bytes, from behind its bracket.
    private mutating func bracket() -> Atom {
        _ = take("^")
        // At the start a closing bracket is one of the bytes.
        _ = take("]")
        while let byte = next {
            place += 1
            switch byte {
            case UInt8(ascii: "]"): return .other(nil)
            case UInt8(ascii: "\\"):
                if next == UInt8(ascii: "Q") || next == UInt8(ascii: "E") { return strange() }
                place += 1
            case UInt8(ascii: "["):
                // [:alpha:] and its like.
                guard let kind = next,
                    kind == UInt8(ascii: ":") || kind == UInt8(ascii: ".") || kind == UInt8(ascii: "=")
                else { continue }
                let name = pattern[(place + 1)...].prefix {
                    (0x61...0x7A).contains($0) || $0 == UInt8(ascii: "^")
                }
                guard name.endIndex + 1 < pattern.count, pattern[name.endIndex] == kind,
                    pattern[name.endIndex + 1] == UInt8(ascii: "]")
                else { return strange() }
                place = name.endIndex + 2
            default: continue
            }
        }
        return strange()
    }

    /// A group, from behind its parenthesis.
    private mutating func group(depth: Int) -> Atom {
        var counts = true
        if next == UInt8(ascii: "*") { return strange() }
        if take("?") {
            if take(":") || take("|") || take(">") {
                // Groups all the same.
            } else if take("=") || take("!") {
                counts = false
            } else if take("<") {
                if take("=") || take("!") {
                    counts = false
                } else if !skipName(to: UInt8(ascii: ">")) {
                    return strange()
                }
            } else if take("P") {
                guard take("<"), skipName(to: UInt8(ascii: ">")) else { return strange() }
            } else {
                while let flag = next, flag == UInt8(ascii: "-") || "imsnJU".utf8.contains(flag) {
                    place += 1
                }
                if take(")") { return .place }
                guard take(":") else { return strange() }
            }
        }
        let need = alternatives(depth: depth + 1)
        guard !isStrange, take(")") else { return strange() }
        return counts ? .other(need) : .place
    }

    private mutating func skipName(to end: UInt8) -> Bool {
        let name = pattern[place...].prefix { $0 != end }
        guard !name.isEmpty, name.endIndex < pattern.count else { return false }
        place = name.endIndex + 1
        return true
    }
}
