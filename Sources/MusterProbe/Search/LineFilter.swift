import CLinux
import Glibc
import MusterAnalysis
import MusterCore

/// Tells from a line's bytes alone whether it may be one that is asked for.
///
/// The rarest thing that a matching line must hold is looked for in whole blocks; the rest is asked of the lines
/// where it stands.
struct LineFilter {
    /// Finds lines that may match; nil when every line has to be looked at.
    private let scan: WordScan?
    /// Asked of each line; nil when no regular expression is asked for.
    private let regex: LogRegex?

    init(_ query: LogQuery) throws(ProbeError) {
        guard !query.text.utf8.contains(0x0A) else {
            throw ProbeError(.refused, "a text with a line break is in no line")
        }
        if let problem = query.refinement.problem { throw ProbeError(.refused, problem) }
        let regex = query.refinement.regex
        self.regex = regex.isEmpty ? nil : try LogRegex(regex)
        scan =
            WordScan(query.text.isEmpty ? [] : [ScanWord(query.text)])
            ?? WordScan(regex.isEmpty ? [] : RegexWords.required(by: regex))
            ?? WordScan(Self.words(ofTemplate: query.refinement.template))
            ?? query.level.flatMap { WordScan(LevelWords.atLeast($0)) }
    }

    /// Why the search had to give up, or what it left undecided; nil when all was decided.
    var reason: String? {
        guard let regex, regex.undecided > 0 else { return nil }
        return regex.isTooDear
            ? "the regular expression takes too many steps; it was given up after \(regex.undecided) lines"
            : "\(regex.undecided) lines took too many steps for the regular expression"
    }

    /// Whether to go on is in vain.
    var isTooDear: Bool { regex?.isTooDear ?? false }

    /// The next line in a block of whole lines that may match, without its line break; `from` is where a line
    /// begins.
    func next(_ buffer: [UInt8], from: Int, end: Int) -> Range<Int>? {
        buffer.withUnsafeBufferPointer { bytes -> Range<Int>? in
            guard let base = bytes.baseAddress else { return nil }
            var start = from
            while start < end {
                var stop = start
                if let scan {
                    guard let hit = scan.next(base, from: start, end: end) else { return nil }
                    start += muster_last(base + start, hit - start, 0x0A) + 1
                    stop = hit
                }
                stop =
                    memchr(base + stop, 0x0A, end - stop).map {
                        UnsafeRawPointer($0) - UnsafeRawPointer(base)
                    } ?? end
                if regex?.matches(UnsafeBufferPointer(rebasing: bytes[start..<stop])) ?? true {
                    return start..<stop
                }
                if isTooDear { return nil }
                start = stop + 1
            }
            return nil
        }
    }

    /// The longest word of letters that every line of a template holds.
    static func words(ofTemplate template: String) -> [ScanWord] {
        let bytes = Array(template.utf8)
        var best: ArraySlice<UInt8> = []
        for word in bytes.split(whereSeparator: { !$0.isLetter }) {
            // What stands for an identifier is in no line.
            let isPlaceholder =
                word.startIndex > 0 && bytes[word.startIndex - 1] == UInt8(ascii: ":")
                && word.elementsEqual("id".utf8)
            if word.count > best.count, !isPlaceholder { best = word }
        }
        return best.count >= 3 ? [ScanWord(Array(best))] : []
    }
}
