import Glibc
import MusterTesting
import Testing

@testable import MusterAnalysis

@Suite("Log template miner")
struct LogTemplateMinerTests {
    @Test("Lines that differ in numbers, addresses, paths and values only are one template")
    func variables() {
        var miner = LogTemplateMiner()
        let first = miner.learn("job 17 of /var/spool/a.job took 35 ms, user=ana", false)
        #expect(miner.learn("job 9 of /srv/q/b.job took 1200 ms, user=bob", false) == first)
        #expect(miner.text(first) == "job <*> of <*> took <*>, user=<*>")
        #expect(miner.count(first) == 2)
        #expect(miner.learn("job 9 of /srv/q/b.job failed after 1200 ms, user=bob", false) != first)
    }

    @Test("A word that takes many values is a variable part, and what was apart is counted together")
    func learntVariable() {
        var miner = LogTemplateMiner()
        let names = ["ana", "bob", "cleo", "dora", "emil", "finn"]
        let slots = names.map { miner.learn("Failed password for invalid user \($0) from 10.0.0.1", false) }
        #expect(Set(slots.map { miner.resolve($0) }).count == 1)
        let slot = miner.resolve(slots[0])
        #expect(miner.text(slot) == "Failed password for invalid user <*> from <*>")
        #expect(miner.count(slot) == names.count)
        #expect(miner.learn("Failed password for invalid user zoe from 10.0.0.2", false) == slot)
    }

    @Test("A few words in one place that come again and again stay apart")
    func states() {
        var miner = LogTemplateMiner()
        for _ in 0..<50 {
            for state in ["STARTED", "STOPPED"] { _ = miner.learn("worker pool is \(state) now", false) }
        }
        miner.settle()
        let started = miner.resolve(miner.learn("worker pool is STARTED now", false))
        #expect(miner.text(started) == "worker pool is STARTED now")
        #expect(miner.count(started) == 51)
    }

    @Test("Names with dots, each seen about once, are values when the lines are settled")
    func names() {
        var miner = LogTemplateMiner()
        let slots = ["com.example.mail", "org.demo.notes"].map {
            miner.learn("binding service of package \($0) again", false)
        }
        #expect(miner.resolve(slots[0]) != miner.resolve(slots[1]))
        miner.settle()
        #expect(miner.resolve(slots[0]) == miner.resolve(slots[1]))
    }

    @Test("The id of a template does not depend on the order of lines")
    func stableIds() {
        let lines = (0..<200).map { number in
            switch number % 4 {
            case 0:
                "accepted key for \(["ana", "bob", "cleo", "dora", "emil", "finn"][number / 4 % 6]) from 10.0.0.\(number)"
            case 1: "cache miss on shard \(number)"
            case 2: "flushed \(number) rows in \(number * 3) ms"
            default: "peer \(number) said hello"
            }
        }
        func counts(_ lines: [String]) -> [UInt64: Int] {
            var miner = LogTemplateMiner()
            let slots = lines.map { miner.learn($0, false) }
            miner.settle()
            return Dictionary(
                Set(slots.map { miner.resolve($0) }).map { (miner.id($0), miner.count($0)) },
                uniquingKeysWith: +
            )
        }
        var random = SplitMix64(seed: 5)
        let expected = counts(lines)
        #expect(expected.values.sorted() == [50, 50, 50, 50])
        for _ in 0..<5 { #expect(counts(lines.shuffled(using: &random)) == expected) }
    }

    @Test("What sampling left out is counted by its weight")
    func weight() {
        var miner = LogTemplateMiner()
        let slot = miner.learn("tick 1", false, weight: 10)
        _ = miner.learn("tick 2", false, weight: 5)
        #expect(miner.count(slot) == 15)
    }

    @Test("Memory is bounded: templates not seen for longest are forgotten, frequent ones stay")
    func bounded() {
        var miner = LogTemplateMiner(templatesMax: 64)
        var random = SplitMix64(seed: 9)
        func word() -> String {
            String((0..<9).map { _ in "ghijklmnop".randomElement(using: &random) ?? "g" })
        }
        for _ in 0..<5_000 {
            _ = miner.learn("\(word()) \(word()) \(word())", false)
            _ = miner.learn("the frequent line", false)
        }
        #expect(miner.forgotten > 1_000)
        #expect(miner.templatesKnown <= 64)
        let frequent = miner.learn("the frequent line", false)
        #expect(miner.count(frequent) == 5_001)
    }

    @Test("Any bytes are a line: none, long ones, invalid UTF-8, zeros, marks alone")
    func anyBytes() {
        var miner = LogTemplateMiner()
        var random = SplitMix64(seed: 2)
        let lines: [[UInt8]] =
            [
                [], [0x3D], Array("=".utf8), Array("[[[[".utf8), Array("a=\"".utf8),
                [0xFF, 0xFE, 0x00, 0x3D, 0x22],
            ]
            + [
                Array(repeating: 0x61, count: 1 << 20),
                Array("a=".utf8) + Array(repeating: 0x3D, count: 99_999),
            ]
            + (0..<2_000).map { _ in
                (0..<Int.random(in: 0...300, using: &random)).map { _ in
                    UInt8.random(in: 0...255, using: &random)
                }
            }
        for line in lines {
            for hasHeader in [true, false] {
                let slot = miner.learn(line[...], hasHeader: hasHeader)
                _ = miner.text(miner.resolve(slot))
            }
        }
        #expect(miner.lines == 2 * lines.count)
    }

    @Test(
        "A line belongs to the template that it was counted under, whatever the header",
        arguments: [
            ("session opened for user cyrus by (uid=0)", "session opened for user <*> by (uid=<*>)", true),
            (
                "Nov 23 09:29:08 web-1 su[12]: session closed for user ana", "session closed for user <*>",
                true
            ),
            ("took 12 ms 13 ms end", "took <*> end", true),
            ("took 12 ms 13 ms", "took <*> end", false),
            ("took", "took <*>", false),
            ("a b a b c", "<*> b c", true),
            ("", "", true),
        ]
    )
    func match(line: String, template: String, expected: Bool) {
        #expect(LogTemplateMatch(template).matches(Array(line.utf8)[...], hasHeader: true) == expected)
    }

    @Test(
        "The header of many programs is recognised",
        arguments: [
            ("2026-11-25T10:00:05.367Z INFO  http server listening", "http server listening"),
            ("I1125 10:00:00.123456   12345 controller.go:114] Syncing pool", "Syncing pool"),
            ("[2026-11-25 10:00:00,123] [INFO] [gunicorn.error] Listening at", "Listening at"),
            ("10:00:00.123 [exec-thread] DEBUG c.e.shop.CartService - Cart has items", "Cart has items"),
            ("Nov 25 10:00:00 web-1 systemd[1]: Started session of root", "Started session of root"),
            ("Nov 25 10:00:00 web-1 kernel: usb disconnected", "usb disconnected"),
            ("26/11/25 10:00:45 INFO storage.MemoryStore: Block stored as bytes", "Block stored as bytes"),
            (
                "2026-11-25 10:00:01,978 WARN [main] org.example.app.Master: Executing with tokens",
                "Executing with tokens"
            ),
            ("2026-11-25 10:00:30, Info                  CBS    Session started", "Session started"),
            ("2026/11/25 10:00:00 [error] 31#0: connect() failed", "connect() failed"),
            ("2026-11-25 10:00:00.123 UTC [31] shop@shop ERROR:  relation is missing", "relation is missing"),
            ("no header at all", "no header at all"),
            ("", ""),
        ]
    )
    func header(line: String, message: String) {
        var miner = LogTemplateMiner()
        let slot = miner.learn(line, true)
        #expect(miner.text(slot) == message)
    }
}

extension LogTemplateMiner {
    fileprivate mutating func learn(_ line: String, _ hasHeader: Bool, weight: Int = 1) -> Int {
        learn(Array(line.utf8)[...], hasHeader: hasHeader, weight: weight)
    }
}
