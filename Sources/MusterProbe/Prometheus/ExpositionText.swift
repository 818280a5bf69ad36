import Glibc
import MusterCore

/// Reads the text that Prometheus scrapes: the exposition format 0.0.4, and OpenMetrics 1.0.
///
///     # TYPE http_requests_total counter
///     http_requests_total{method="post",code="200"} 1027 1395066363000
///
/// In one pass and on the bytes as they lie; exemplars and times are passed over. A line that is not understood is
/// counted, and the first one told by its number.
struct ExpositionText {
    enum Kind: Sendable {
        case counter
        case gauge
        /// Of a histogram or a summary, whose lines have endings of their own.
        case distribution
        case untyped
    }

    /// One sample; slices point into the text.
    struct Sample {
        var name: ArraySlice<UInt8>
        /// What stands between the braces, as written; empty for none.
        var labels: ArraySlice<UInt8>
        var value: Double
        /// Of the family that the sample belongs to.
        var kind: Kind
        /// Name of that family: without `_sum`, `_count`, `_bucket` and, in OpenMetrics, `_total`.
        var family: ArraySlice<UInt8>
    }

    /// Longer lines are not understood.
    private static let lineBytesMax = 16 << 10

    /// Lines that were not understood, and the number of the first, from 1.
    private(set) var malformed = 0
    private(set) var firstMalformed: Int?
    /// Family and kind that the last `# TYPE` line told.
    private var family: ArraySlice<UInt8> = []
    private var kind = Kind.untyped

    /// Hands over the samples of a text; `each` returns false to stop.
    mutating func read(_ text: ArraySlice<UInt8>, each: (Sample) -> Bool) {
        var number = 0
        var rest = text
        while !rest.isEmpty {
            number += 1
            let line = rest.prefix { $0 != 0x0A }
            rest = rest[line.endIndex...].dropFirst()
            switch read(line: line.last == 0x0D ? line.dropLast() : line) {
            case .none: continue
            case .malformed:
                malformed += 1
                firstMalformed = firstMalformed ?? number
            case .sample(let sample): if !each(sample) { return }
            }
        }
    }

    private enum Line {
        case none
        case malformed
        case sample(Sample)
    }

    private mutating func read(line: ArraySlice<UInt8>) -> Line {
        let line = line.drop(while: Self.isBlank)
        guard let first = line.first else { return .none }
        if first == UInt8(ascii: "#") {
            readType(line.dropFirst())
            return .none
        }
        guard line.count <= Self.lineBytesMax else { return .malformed }
        let name = line.prefix(while: Self.isNamePart)
        guard !name.isEmpty, !(0x30...0x39).contains(first) else { return .malformed }
        var rest = line[name.endIndex...].drop(while: Self.isBlank)
        var labels: ArraySlice<UInt8> = []
        if rest.first == UInt8(ascii: "{") {
            guard let end = Self.labelsEnd(rest) else { return .malformed }
            labels = rest[(rest.startIndex + 1)..<end]
            rest = rest[(end + 1)...].drop(while: Self.isBlank)
        }
        let word = rest.prefix { !Self.isBlank($0) }
        guard let value = Self.number(word) else { return .malformed }
        let belongs = belongsToFamily(name)
        return .sample(
            Sample(
                name: name,
                labels: labels,
                value: value,
                kind: belongs ? kind : .untyped,
                family: belongs ? family : name
            )
        )
    }

    /// `# TYPE name kind`; other comments tell nothing that is needed.
    private mutating func readType(_ comment: ArraySlice<UInt8>) {
        let words = comment.prefix(1_024).split(whereSeparator: Self.isBlank)
        guard words.count >= 3, words[0].elementsEqual("TYPE".utf8) else { return }
        family = words[1]
        kind =
            switch String(decoding: words[2], as: UTF8.self) {
            case "counter": .counter
            case "gauge", "stateset", "info": .gauge
            case "histogram", "summary", "gaugehistogram": .distribution
            default: .untyped
            }
    }

    /// Whether a sample's name is that of the last family, perhaps with an ending.
    private func belongsToFamily(_ name: ArraySlice<UInt8>) -> Bool {
        guard !family.isEmpty, name.starts(with: family) else { return false }
        switch String(decoding: name.dropFirst(family.count), as: UTF8.self) {
        case "", "_total", "_sum", "_count", "_bucket", "_created", "_info", "_gsum", "_gcount": return true
        default: return false
        }
    }

    /// Where the closing brace stands; nil when there is none.
    ///
    /// Braces and commas inside values mean nothing.
    private static func labelsEnd(_ text: ArraySlice<UInt8>) -> Int? {
        var isQuoted = false
        var place = text.startIndex + 1
        while place < text.endIndex {
            switch text[place] {
            case UInt8(ascii: "\\") where isQuoted: place += 1
            case UInt8(ascii: "\""): isQuoted.toggle()
            case UInt8(ascii: "}") where !isQuoted: return place
            default: break
            }
            place += 1
        }
        return nil
    }

    /// A number as Go writes it; nil for anything else.
    private static func number(_ word: ArraySlice<UInt8>) -> Double? {
        guard !word.isEmpty, word.count <= 64 else { return nil }
        switch String(decoding: word, as: UTF8.self).lowercased() {
        case "nan": return .nan
        case "+inf", "inf": return .infinity
        case "-inf": return -.infinity
        case let text: return Double(text)
        }
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

    private static func isNamePart(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "_"), UInt8(ascii: ":"): true
        default: false
        }
    }
}
