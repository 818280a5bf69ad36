import MusterAnalysis
import MusterTesting
import Testing

@Suite struct LogTemplateTests {
    @Test(
        "Words with a digit are variable: numbers, addresses, UUIDs, times, hexadecimal",
        arguments: [
            ("took 35 ms", "took <*> ms"),
            ("done 42.", "done <*>."),
            ("ratio 12.5% of 1e9", "ratio <*> of <*>"),
            ("id 0191c2e0-7c3a-7def-8a4b-1234567890ab done", "id <*> done"),
            ("0xDEADBEEF at ffffffffffff", "<*> at <*>"),
            ("[2026-11-23T02:14:07.120Z] ERROR x", "[<*>] ERROR x"),
            ("peer 10.0.0.1:5432, 10.0.0.2:5432 down", "peer <*>, <*> down"),
            ("x=1,2,3 y", "x=<*> y"),
        ]
    )
    func digits(line: String, pattern: String) {
        #expect(LogTemplate.pattern(of: line) == pattern)
    }

    @Test(
        "Only long words of hexadecimal letters alone are variable",
        arguments: [
            ("hash deadbeefcafe and decade", "hash <*> and decade"),
            ("hash deadbeefcaf kept", "hash deadbeefcaf kept"),
        ]
    )
    func hexadecimal(line: String, pattern: String) {
        #expect(LogTemplate.pattern(of: line) == pattern)
    }

    @Test(
        "What stands in quotes is variable, an apostrophe is no quote",
        arguments: [
            ("name \"Ana Maria\" said 'no way'", "name \"<*>\" said '<*>'"),
            ("unclosed \"quote here", "unclosed \"<*>\""),
            ("can't open file", "can't open file"),
        ]
    )
    func quotes(line: String, pattern: String) {
        #expect(LogTemplate.pattern(of: line) == pattern)
    }

    @Test(
        "Absolute paths are variable, a lone slash is not",
        arguments: [
            ("open /var/lib/muster/db failed", "open <*> failed"),
            ("GET /api/orders/42 200", "GET <*> <*>"),
            ("a / b", "a / b"),
        ]
    )
    func paths(line: String, pattern: String) {
        #expect(LogTemplate.pattern(of: line) == pattern)
    }

    @Test(
        "Values after an equals sign are variable",
        arguments: [
            ("user=ana level=info ok", "user=<*> level=<*> ok"),
            ("level=info msg=\"hello world\" n=3", "level=<*> msg=\"<*>\" n=<*>"),
            ("k= v", "k= v"),
        ]
    )
    func values(line: String, pattern: String) {
        #expect(LogTemplate.pattern(of: line) == pattern)
    }

    @Test(
        "Constant text stays, with its blanks made one",
        arguments: [
            ("  two   blanks\there  ", "two blanks here"),
            ("connection reset by ana", "connection reset by ana"), ("", ""),
            ("Größe zu groß", "Größe zu groß"),
        ]
    )
    func constant(line: String, pattern: String) {
        #expect(LogTemplate.pattern(of: line) == pattern)
    }

    @Test("Lines of one print statement have one pattern, those of others another")
    func same() {
        let first = LogTemplate.pattern(of: "user=ana paid 12.50 EUR for order 4711 in 35 ms")
        #expect(first == LogTemplate.pattern(of: "user=bob paid 7 EUR for order 9 in 1200 ms"))
        #expect(first != LogTemplate.pattern(of: "user=ana paid 12.50 USD for order 4711 in 35 ms"))
    }

    @Test("A pattern is bounded, whatever the line is")
    func bounded() {
        let pieces: [String] = ["word ", "x", "7 ", "\"a\" ", "é", "= ", "/a:"]
        for piece in pieces {
            let pattern = LogTemplate.pattern(of: String(repeating: piece, count: 4000))
            #expect(pattern.utf8.count <= LogTemplate.patternBytesMax)
        }
        var random = SplitMix64(seed: 1)
        for _ in 0..<500 {
            let bytes = (0..<400).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            // A byte that is no text may become a replacement character of three bytes.
            #expect(LogTemplate.pattern(of: bytes).utf8.count <= 3 * LogTemplate.patternBytesMax)
        }
    }
}
