import MusterCore
import MusterTesting
import Testing

@testable import MusterProbe

/// Finding words in blocks of bytes.
struct WordScanTests {
    /// The first place of a word, found by looking at every byte.
    private static func plainly(_ words: [[UInt8]], in block: [UInt8], from: Int) -> Int? {
        let folded = block.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
        return (from..<max(from, block.count)).first { place in
            words.contains { folded[place...].starts(with: $0) }
        }
    }

    @Test(arguments: [true, false])
    func everyWordIsFoundWhereverItStandsAndNothingElseIs(isWide: Bool) throws {
        var random = SplitMix64(seed: 7)
        let alphabet = Array("abcdeABCDE01\" \n".utf8)
        func bytes(_ count: Int) -> [UInt8] {
            (0..<count).map { _ in alphabet.randomElement(using: &random) ?? 0 }
        }
        for _ in 0..<30 {
            let words = (0..<Int.random(in: 1...30, using: &random)).map { _ in
                bytes(Int.random(in: 1...7, using: &random)).map { $0.lowercased }
            }
            let block = bytes(Int.random(in: 0...200, using: &random))
            let scan = try #require(WordScan(words.map { ScanWord($0) }, isWide: isWide))
            let padded = block + bytes(WordScan.padding)
            var from = 0
            while true {
                let found = padded.withUnsafeBufferPointer { buffer in
                    buffer.baseAddress.flatMap { scan.next($0, from: from, end: block.count) }
                }
                // Some word begins at the place that is told; that it is the first of all is not promised, only that
                // none of a line is missed.
                if let found {
                    #expect(Self.plainly(words, in: Array(block[..<block.count]), from: found) == found)
                }
                let first = Self.plainly(words, in: block, from: from)
                #expect((found == nil) == (first == nil), "words \(words), from \(from) of \(block)")
                guard let found else { break }
                from = found + 1
            }
        }
    }

    @Test func withoutWordsThereIsNothingToLookFor() {
        #expect(WordScan([]) == nil)
        #expect(WordScan([ScanWord("error"), ScanWord("")]) == nil)
    }

    /// Lines of every format that is understood, each with a place for a level's word or number.
    private static let shapes: [(String, [String])] = [
        (#"{"time":"2026-11-24T10:00:00Z","level":"@","msg":"paid"}"#, words),
        (#"{"level" : "@", "msg":"a level error"}"#, words),
        (#"{"severity":@,"msg":"paid"}"#, numbers), (#"{"level": @, "msg":"paid"}"#, words),
        (#"{"msg":"x","lvl": "@" }"#, numbers),
        (#"{"path":"/a","status":@,"duration_ms":4}"#, statuses),
        (#"{"uri":"/a","response_code" :  "@"}"#, statuses),
        (#"{"http.target":"/a","http.status_code":@}"#, statuses),
        (#"{"msg":"x","log.level":"\u0065rror"}"#, [""]),
        ("time=2026-11-24T10:00:00Z level=@ msg=paid", words),
        (#"ts=1 lvl="@" msg="it failed: error""#, words),
        ("time=2026-11-24T10:00:00Z level=@ msg=paid", numbers),
        ("method=GET path=/a status=@ duration=1ms", statuses),
        (#"10.0.0.7 - - [24/Nov/2026:10:00:00 +0000] "GET /a HTTP/1.1" @ 157 "-" "curl""#, statuses),
        (#"10.0.0.7 - - [24/Nov/2026:10:00:00 +0000] "GET /a HTTP/1.1"   @ 157"#, statuses),
        (#"10.0.0.7 - - [24/Nov/2026:10:00:00 +0000] "GET /a HTTP/1.1"@ 157"#, statuses),
        ("2026-11-24 10:00:00,123 - @  [main] paid", words), ("2026-11-24 10:00:00 [@] 1#1: paid", words),
        ("Nov 24 10:00:00 web-1 app[1]: @: paid", words), ("<@> paid", words), ("app @ paid", words),
        ("2026-11-24 10:00:00.697 UTC [10441] @  @:  starting", words), ("@|paid", words),
        ("(@) paid", words),
    ]
    private static let words =
        LogLevel.allCases.flatMap { LogLevel.words($0) } + ["errors", "terror", "information", "paid", ""]
    private static let numbers = [
        "9", "10", "25", "30", "40", "49", "50", "050", "59", "60", "69", "70", "500",
    ]
    private static let statuses = [
        "200", "301", "404", "499", "500", "503", "0503", "599", "600", "5000", "-",
    ]

    private static func written(_ word: String, _ way: Int) -> String {
        switch way {
        case 0: word
        case 1: word.uppercased()
        default: String(word.prefix(1)).uppercased() + word.dropFirst()
        }
    }

    @Test func noLineThatHasALevelIsMissed() throws {
        let scans = Dictionary(
            uniqueKeysWithValues: LogLevel.allCases.map { ($0, WordScan(LevelWords.atLeast($0))) }
        )
        let parser = LogLineParser()
        var seen: [LogLevel: Int] = [:]
        func check(_ line: [UInt8]) {
            guard let level = parser.parse(line[...], now: Timestamp(seconds: 1_795_600_000)).level else {
                return
            }
            seen[level, default: 0] += 1
            let padded = line + [UInt8](repeating: 0x0A, count: WordScan.padding)
            for (asked, scan) in scans where asked <= level {
                let found = padded.withUnsafeBufferPointer { buffer in
                    buffer.baseAddress.flatMap { scan?.next($0, from: 0, end: line.count) }
                }
                #expect(found != nil, "\(asked) in \(String(decoding: line, as: UTF8.self))")
            }
        }
        var random = SplitMix64(seed: 11)
        for (shape, fillings) in Self.shapes {
            let parts = shape.split(separator: "@", omittingEmptySubsequences: false)
            for filling in fillings {
                for way in 0..<3 {
                    let line = Array(parts.joined(separator: Self.written(filling, way)).utf8)
                    check(line)
                    // Broken lines may have levels too.
                    for _ in 0..<3 {
                        var broken = line
                        for _ in 0..<Int.random(in: 1...3, using: &random) where !broken.isEmpty {
                            let place = Int.random(in: 0..<broken.count, using: &random)
                            switch Int.random(in: 0..<3, using: &random) {
                            case 0: broken.remove(at: place)
                            case 1:
                                broken.insert(
                                    Array(" \"\\:=[]<>uE5".utf8).randomElement(using: &random) ?? 0,
                                    at: place
                                )
                            default: broken[place] = UInt8.random(in: 0...255, using: &random)
                            }
                        }
                        check(broken.filter { $0 != 0x0A })
                    }
                }
            }
        }
        #expect(LogLevel.allCases.allSatisfy { seen[$0, default: 0] > 30 }, "\(seen)")
    }
}
