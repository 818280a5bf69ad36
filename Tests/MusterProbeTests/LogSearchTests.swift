import Glibc
import MusterCore
import MusterTesting
import Testing

@testable import MusterProbe

/// Searching log files in blocks, against looking at every line by itself.
struct LogSearchTests {
    private static let now = Timestamp(seconds: 1_795_600_000)
    private static let parser = LogLineParser()
    private static let always = TimeWindow(
        from: Timestamp(nanoseconds: .min),
        to: Timestamp(nanoseconds: .max)
    )

    /// A log of many formats whose times rise, with lines that have none, long ones, broken ones and empty ones.
    private static func mixedLog(lines: Int, seed: UInt64) -> [UInt8] {
        var random = SplitMix64(seed: seed)
        var log: [UInt8] = []
        let levels = ["INFO", "WARN", "ERROR", "DEBUG", "FATAL"]
        for index in 0..<lines {
            let at = now - .seconds(lines - index)
            let level = levels.randomElement(using: &random) ?? ""
            let number = Int.random(in: 0..<100_000, using: &random)
            switch Int.random(in: 0..<12, using: &random) {
            case 0:
                log +=
                    #"{"time":"\#(at)","level":"\#(level.lowercased())","msg":"order \#(number) paid"}"#.utf8
            case 1: log += #"{"time":"\#(at)","level":\#(number % 7 * 10),"msg":"Order kept"}"#.utf8
            case 2: log += "time=\(at) level=\(level) msg=\"timeout after \(number) ms\"".utf8
            case 3:
                let time = "\(at.description.prefix(10).suffix(2))/Nov/2026:\(at.timeOfDay) +0000"
                log += "10.0.0.\(number % 256) - - [\(time)] \"GET /order/\(number) HTTP/1.1\" ".utf8
                log += "\([200, 404, 503][number % 3]) 12".utf8
            case 4: log += "\tat com.example.Order.timeout(Order.java:\(number))".utf8
            case 5: log += "".utf8
            case 6:
                log +=
                    "\(at) \(level) ".utf8
                    + (0..<40).map { _ in UInt8.random(in: 0...255, using: &random) }
                    .filter { $0 != 0x0A && $0 != 0 }
            case 7 where number % 20 == 0 && index % 5 == 0:
                log += "\(at) ERROR a long line ".utf8
                log += [UInt8](repeating: UInt8(ascii: "x"), count: number % 3 * 300_000)
                log += " Order timeout".utf8
            case 8: log += "\(at) \(level) order \(number) timed out\r".utf8
            default: log += "\(at) \(level) [main] order \(number): connection refused".utf8
            }
            log.append(0x0A)
        }
        // A last line whose end has not been written.
        return log + Array("\(now) ERROR order cut off in the mid".utf8)
    }

    /// Matching lines as a plain reading of the file finds them.
    private static func plainly(_ log: [UInt8], _ query: LogQuery, regex: (([UInt8]) -> Bool)? = nil) -> [Int]
    {
        var found: [Int] = []
        var last: Timestamp?
        var offset = 0
        for whole in log.split(separator: 0x0A, omittingEmptySubsequences: false) {
            defer { offset += whole.count + 1 }
            var line = Array(whole.drop { $0 == 0 })
            if line.last == 0x0D { line.removeLast() }
            guard !line.isEmpty else { continue }
            let parsed = parser.parse(line[...].prefix(8192), now: now)
            last = parsed.at ?? last
            guard query.window.contains(last ?? query.window.from) else { continue }
            if let level = query.level {
                guard let own = parsed.level, own >= level else { continue }
            }
            let folded = whole.map { $0.lowercased }
            let text = query.text.utf8.map { $0.lowercased }
            guard text.isEmpty || Self.contains(folded, text) else { continue }
            guard regex?(Array(whole)) ?? true else { continue }
            found.append(offset)
        }
        return found
    }

    private static func contains(_ line: [UInt8], _ text: [UInt8]) -> Bool {
        line.withUnsafeBytes { line in
            text.withUnsafeBytes { text in memmem(line, text) }
        }
    }

    private static func memmem(_ line: UnsafeRawBufferPointer, _ text: UnsafeRawBufferPointer) -> Bool {
        guard let text = text.baseAddress.map({ ($0, text.count) }), line.count >= text.1 else {
            return false
        }
        return (0...(line.count - text.1)).contains { place in
            line.baseAddress.map { memcmp($0 + place, text.0, text.1) == 0 } ?? false
        }
    }

    private static func search(_ path: String, _ query: LogQuery) throws -> LogsAnswer {
        var search = try LogSearch(files: HostFiles(), parser: parser, query: query, mustStop: { false })
        try search.search(file: path)
        let answer = search.finish()
        #expect(search.reasons.isEmpty, "\(search.reasons)")
        return answer
    }

    @Test(arguments: [UInt64(1), 2])
    func whatIsFoundIsWhatLookingAtEveryLineFinds(seed: UInt64) throws {
        let directory = try TemporaryDirectory()
        let log = Self.mixedLog(lines: 800, seed: seed)
        let path = try directory.write("app.log", log)
        let some = TimeWindow(from: Self.now - .seconds(600), to: Self.now - .seconds(300))
        for window in [Self.always, some] {
            for (level, text) in [
                (nil, ""), (nil, "TIMEOUT"), (nil, "o"), (.error, ""), (.warning, "order"),
                (.fatal, "refused"),
                (.info, ""), (.debug, "\t"), (nil, "nowhere"),
            ] as [(LogLevel?, String)] {
                var query = LogQuery(window: window, level: level, text: text, now: Self.now)
                query.linesBytesMax = 64 << 20
                let answer = try Self.search(path, query)
                let expected = Self.plainly(log, query)
                #expect(answer.matched == expected.count, "level \(String(describing: level)) text \(text)")
                #expect(answer.lines.map(\.offset).sorted() == expected)
                #expect(answer.summary.levels.values.reduce(0, +) == answer.matched)
                let counted = answer.templates.reduce(0) { $0 + $1.count } + answer.summary.unclassified
                #expect(counted == answer.matched)
                #expect(answer.scanned == log.count { $0 == 0x0A } + 1)
            }
        }
    }

    @Test func bucketsCountEveryMatchingLineAtItsTime() throws {
        let directory = try TemporaryDirectory()
        let start = Timestamp(seconds: 1_795_500_000)
        let log = (0..<600).map { "\(start + .seconds($0)) ERROR it failed \($0)\n" }.joined()
        let path = try directory.write("app.log", log.utf8)
        var query = LogQuery(window: Self.always, text: "failed", now: Self.now)
        query.refinement.bucketSeconds = 60
        let summary = try Self.search(path, query).summary
        #expect(summary.bucketSeconds == 60)
        #expect(summary.buckets.map(\.count) == [Int](repeating: 60, count: 10))
        #expect(summary.buckets.first?.from == start)
        #expect(summary.first == start && summary.last == start + .seconds(599))
        // Too many buckets become wider ones, and none of the lines is lost.
        var counts = TimeCounts(seconds: 1)
        for second in 0..<50_000 { counts.count(start + .seconds(second)) }
        let buckets = counts.finish()
        #expect(buckets.count <= TimeCounts.bucketsMax && counts.seconds == 64)
        #expect(buckets.reduce(0) { $0 + $1.count } == 50_000)
    }

    @Test(arguments: LogOrder.allCases)
    func theOrderChoosesWhichLinesAreListed(order: LogOrder) throws {
        let directory = try TemporaryDirectory()
        let start = Self.now - .seconds(100_000)
        // More than is kept at any moment, in several stretches of the file.
        let padding = String(repeating: "x", count: 900)
        let log = (0..<20_000).map { "\(start + .seconds($0)) ERROR \(padding) \($0)\n" }.joined()
        let path = try directory.write("app.log", log.utf8)
        let answer = try Self.search(
            path,
            LogQuery(
                window: Self.always,
                level: .error,
                refinement: LogRefinement(order: order),
                rowsMax: 5,
                now: Self.now
            )
        )
        let shown = answer.lines.map { Int(($0.at - start).inSeconds) }
        #expect(answer.matched == 20_000)
        switch order {
        case .newest: #expect(shown == [19_995, 19_996, 19_997, 19_998, 19_999])
        case .oldest: #expect(shown == [0, 1, 2, 3, 4])
        case .spread:
            #expect(shown.first == 0 && shown.last == 19_999 && shown.count == 5)
            #expect(
                zip(shown, shown.dropFirst()).allSatisfy { (3_000...7_000).contains($1 - $0) },
                "\(shown)"
            )
        }
    }

    @Test func whatThereIsNoBudgetForIsToldAndTheNewestIsLookedAt() throws {
        let directory = try TemporaryDirectory()
        let start = Self.now - .seconds(100_000)
        let padding = String(repeating: "x", count: 900)
        let log = (0..<20_000).map { "\(start + .seconds($0)) ERROR \(padding) \($0)\n" }.joined()
        let path = try directory.write("app.log", log.utf8)
        let query = LogQuery(window: Self.always, level: .error, bytesMax: 10 << 20, now: Self.now)
        var search = try LogSearch(files: HostFiles(), parser: Self.parser, query: query, mustStop: { false })
        try search.search(file: path)
        let answer = search.finish()
        #expect(
            search.reasons.contains { $0.hasPrefix(path) && $0.contains("for want of budget") },
            "\(search.reasons)"
        )
        #expect(answer.matched > 1_000 && answer.matched < 12_000)
        #expect(answer.summary.covered != nil)
        var looks = 0
        var stopped = try LogSearch(files: HostFiles(), parser: Self.parser, query: query) {
            looks += 1
            return looks > 3
        }
        try stopped.search(file: path)
        _ = stopped.finish()
        #expect(stopped.reasons.contains { $0.contains("for want of time") }, "\(stopped.reasons)")
    }

    @Test func aTemplateThatAnAnswerToldFindsItsLines() throws {
        let directory = try TemporaryDirectory()
        let log = Self.mixedLog(lines: 600, seed: 5)
        let path = try directory.write("app.log", log)
        var query = LogQuery(window: Self.always, now: Self.now)
        query.linesBytesMax = 64 << 20
        let all = try Self.search(path, query)
        #expect(all.templates.count > 10)
        for template in all.templates.prefix(20) {
            query.refinement.template = template.pattern
            let expected = all.templates.filter { $0.pattern == template.pattern }.reduce(0) { $0 + $1.count }
            #expect(try Self.search(path, query).matched == expected, "\(template.pattern)")
        }
    }

    @Test func theLinesAroundOneAreToldWithTheirSecretsMasked() throws {
        let directory = try TemporaryDirectory()
        let log = (0..<100).map { "\(Self.now - .seconds(100 - $0)) INFO step \($0) password=hunter\($0)\n" }
            .joined()
        let path = try directory.write("app.log", log.utf8)
        var query = LogQuery(window: Self.always, text: "step 50 ", now: Self.now)
        query.refinement.contextLines = 3
        let line = try #require(try Self.search(path, query).lines.first)
        let around = (line.before ?? []) + (line.after ?? [])
        #expect(around.map { $0.split(separator: " ")[3] } == ["47", "48", "49", "51", "52", "53"])
        #expect(!around.contains { $0.contains("hunter") })
        query.text = "step 0 "
        let first = try #require(try Self.search(path, query).lines.first)
        #expect(first.before == [] && first.after?.count == 3)
    }

    @Test func aLineLongerThanIsLookedAtIsTold() throws {
        let directory = try TemporaryDirectory()
        let long = [UInt8](repeating: UInt8(ascii: "y"), count: 2 * LogBlocks.lineBytesMax + 77)
        let path = try directory.write(
            "app.log",
            Array("\(Self.now) ERROR before\n".utf8) + long + Array(" needle\n\(Self.now) ERROR after\n".utf8)
        )
        let query = LogQuery(window: Self.always, level: .error, now: Self.now)
        var search = try LogSearch(files: HostFiles(), parser: Self.parser, query: query, mustStop: { false })
        try search.search(file: path)
        #expect(search.finish().matched == 2)
        #expect(search.reasons.contains { $0.contains("first 4 MiB") })
    }

    // MARK: Regular expressions

    @Test func aRegularExpressionFindsWhatItFindsInEachLineAlone() throws {
        let directory = try TemporaryDirectory()
        let log = Self.mixedLog(lines: 600, seed: 9)
        let path = try directory.write("app.log", log)
        for pattern in [
            "order [0-9]+", "(?i)ORDER \\d{3}\\b", "time(out|d out)", "^\\tat ", "refused$", "[^a]*refused",
            "\\s+$",
            "(timeout|refused|paid)", "a{2,}|x{5}", "(?<n>or)der.*\\k<n>", "[[:upper:]]{4} ", "level.:.e",
            "\\Aorder|o",
            "(?=.*order)(?!.*paid)ERROR", "fo?o?rder", "(or)?der", "\\x6frder", "o(?#comment)rder", "",
            "\\d+ ms",
        ] {
            let regex = try LogRegex(pattern)
            var query = LogQuery(
                window: Self.always,
                refinement: LogRefinement(regex: pattern),
                now: Self.now
            )
            query.linesBytesMax = 64 << 20
            let expected = Self.plainly(log, query) { line in
                line.withUnsafeBufferPointer { regex.matches($0) }
            }
            #expect(try Self.search(path, query).lines.map(\.offset).sorted() == expected, "\(pattern)")
        }
    }

    @Test(arguments: [
        ("order [0-9]+ failed", ["order ", " failed"]), ("(?i)TimeOut", ["timeout"]), ("err(or)?s", ["err"]),
        ("colou?r", ["colo"]), ("(abc|defg)h", ["abc", "defg"]), ("a+bc", ["abc"]),
        ("\\.php\\?id=", [".php?id="]),
        ("[a-z]+timed", ["timed"]), ("(?:connection ){2}reset", ["connection "]),
        ("(?!foo)barbar", ["barbar"]),
    ])
    func wordsThatMustBeThereAreFoundInAPattern(pattern: String, words: [String]) {
        let found = RegexWords.required(by: pattern).map { String(decoding: $0.bytes, as: UTF8.self) }
        #expect(!found.isEmpty && found.allSatisfy { words.contains($0) }, "\(found)")
    }

    @Test(arguments: [
        "[0-9]+", "a|", "(abc)?", "abc|[0-9]", "(?x)a b c", "(?(1)abc)", "abc(", "(*ACCEPT)abc", "\\Qabc",
        "x{0}", "a",
        "(?R)abc", "[abc", "\\u0041bc", "(?:abc", "abc)", "{3}abc", "",
    ])
    func whereNothingIsCertainNoWordIsAskedFor(pattern: String) {
        #expect(RegexWords.required(by: pattern).isEmpty)
    }

    @Test func aPatternThatWouldTakeForEverIsGivenUp() throws {
        let directory = try TemporaryDirectory()
        let line = String(repeating: "a", count: 5_000) + "!\n"
        let path = try directory.write("app.log", String(repeating: line, count: 2_000).utf8)
        for pattern in ["(a+)+$", "(a|aa)+$", "^(([a-z])+.)+[A-Z]", "(*NO_JIT)(a+)+$"] {
            let start = ContinuousClock.now
            let query = LogQuery(
                window: Self.always,
                refinement: LogRefinement(regex: pattern),
                now: Self.now
            )
            var search = try LogSearch(
                files: HostFiles(),
                parser: Self.parser,
                query: query,
                mustStop: { false }
            )
            try search.search(file: path)
            let answer = search.finish()
            #expect(answer.matched == 0)
            #expect(
                search.reasons.contains { $0.contains("too many steps") },
                "\(pattern): \(search.reasons)"
            )
            #expect(ContinuousClock.now - start < .seconds(20), "\(pattern)")
        }
    }

    @Test(arguments: [
        ("(abc", "missing closing parenthesis"), ("[z-a]", "range out of order"), ("a**+", "quantifier"),
        ("(*UTF)é", ""), ("\\C", ""), (String(repeating: "(", count: 300), ""),
        ("((((a{1,500}){1,500}){1,500}){1,500})", "large"),
        (String(repeating: "a", count: 2_000), "1024 bytes"),
    ])
    func aPatternThatCannotBeIsRefusedWithTheReason(pattern: String, reason: String) {
        let query = LogQuery(window: Self.always, refinement: LogRefinement(regex: pattern), now: Self.now)
        let error = #expect(throws: ProbeError.self) {
            _ = try LogSearch(files: HostFiles(), parser: Self.parser, query: query, mustStop: { false })
        }
        #expect(error?.code == .refused)
        #expect(error?.message.contains(reason) == true, "\(String(describing: error))")
    }

    @Test("A line of trouble brings the stack trace that follows it")
    func traces() throws {
        let directory = try TemporaryDirectory()
        let java = [
            "2026-11-23T02:06:00Z ERROR [pool-1] order failed",
            "java.sql.SQLException: password=hunter2 refused",
            "\tat com.shop.Orders.save(Orders.java:71)", "Caused by: java.net.ConnectException",
            "\t... 12 more",
            "2026-11-23T02:06:01Z INFO order 2 saved", "2026-11-23T02:06:02Z ERROR no trace here",
            "2026-11-23T02:06:03Z WARN slow",
        ]
        let path = try directory.write("app.log", Array((java.joined(separator: "\n") + "\n").utf8))
        let errors = try Self.search(path, LogQuery(window: Self.always, level: .error, now: Self.now))
        #expect(errors.lines.count == 2)
        let trace = errors.lines.first?.after ?? []
        #expect(trace.count == 4)
        #expect(trace.first?.contains("hunter2") == false)
        #expect(trace.dropFirst() == java[2...4])
        #expect(errors.lines.last?.after == nil)
        // Where no line names a time, lines are on their own.
        let timeless = try directory.write("plain.log", Array("ERROR one\n two\n three\n".utf8))
        #expect(
            try Self.search(timeless, LogQuery(window: Self.always, level: .error, now: Self.now)).lines
                .first?.after == nil
        )
    }
}
