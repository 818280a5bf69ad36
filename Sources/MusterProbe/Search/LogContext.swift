import Glibc
import MusterCore

/// The lines around one line of a file, masked.
struct LogContext {
    /// Lines whose surroundings are told at most, for one question.
    static let linesMax = 200
    /// Bytes that are read at either side, and told of one line.
    private static let readBytes = 32 << 10
    private static let lineBytesMax = 1_024
    /// Of a stack trace.
    private static let continuationBytesMax = 4 << 10
    private static let continuationLinesMax = 40

    /// Oldest first.
    private(set) var before: [String] = []
    private(set) var after: [String] = []

    /// Reads up to so many lines before and after the line that begins at `offset`.
    init(_ descriptor: Int32, around offset: Int, lines: Int) {
        let from = max(0, offset - Self.readBytes)
        let front = Self.read(descriptor, from, offset - from)
        // What stands in front of the first line break may be half a line.
        let whole = from == 0 ? front[...] : front.drop { $0 != 0x0A }
        before = whole.split(separator: 0x0A).suffix(lines).map(Self.shown)
        let rest = Self.read(descriptor, offset, FollowedFile.lineBytesMax + Self.readBytes)
        // The line itself goes, and what stands behind the last line break may be half a line.
        guard let end = rest.firstIndex(of: 0x0A), let last = rest.lastIndex(of: 0x0A), end < last else {
            return
        }
        after = rest[(end + 1)..<last].split(separator: 0x0A).prefix(lines).map(Self.shown)
    }

    /// What belongs to a line beyond its end: the lines after it that name no time, such as a stack trace, masked.
    ///
    /// None after a line that names none itself: then no line of the file may.
    static func continuation(
        _ descriptor: Int32,
        of offset: Int,
        parser: LogLineParser,
        now: Timestamp
    ) -> [String] {
        let lines = read(descriptor, offset, FollowedFile.lineBytesMax + continuationBytesMax)
            .split(separator: 0x0A, omittingEmptySubsequences: false).dropLast()
        guard let own = lines.first, parser.time(of: own.asLogged, now: now) != nil else { return [] }
        var left = continuationBytesMax
        var found: [String] = []
        for line in lines.dropFirst().prefix(continuationLinesMax) {
            left -= line.count
            guard left >= 0, !line.isEmpty, parser.time(of: line.asLogged, now: now) == nil else { break }
            found.append(shown(line))
        }
        return found
    }

    private static func shown(_ line: ArraySlice<UInt8>) -> String {
        // Masked before it is cut: half a secret is none that can be told.
        let masked = SecretMask.mask(line.asLogged.prefix(FollowedFile.lineBytesMax))
        return String(decoding: masked.prefix(lineBytesMax), as: UTF8.self)
    }

    private static func read(_ descriptor: Int32, _ offset: Int, _ count: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { buffer, used in
            used = count > 0 ? max(0, pread(descriptor, buffer.baseAddress, count, offset)) : 0
        }
    }
}
