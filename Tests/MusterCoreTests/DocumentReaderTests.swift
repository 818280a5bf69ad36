import MusterCore
import Testing

@Suite struct DocumentReaderTests {
    private func scalar(_ text: String, line: Int) -> DocumentNode {
        DocumentNode(.scalar(text, quoted: false), at: DocumentPosition(line: line, column: 8))
    }

    private func reader(_ pairs: [(String, String)]) throws -> DocumentReader {
        let entries = pairs.enumerated().map { index, pair in
            DocumentEntry(
                key: pair.0,
                position: DocumentPosition(line: index + 1, column: 1),
                value: scalar(pair.1, line: index + 1)
            )
        }
        let root = DocumentNode(.mapping(entries), at: DocumentPosition(line: 1, column: 1))
        return try DocumentReader(root, in: "a.yaml", expecting: "settings")
    }

    @Test("A key that nobody asked for is an error that names its place and what was expected")
    func stranger() throws {
        var reader = try reader([("port", "7443"), ("prot", "1")])
        #expect(try reader.int("port", in: 1...65_535) == 7443)
        #expect {
            try reader.finish()
        } throws: {
            "\($0)" == #"a.yaml:2:1: unknown key "prot"; expected one of port"#
        }
    }

    @Test("A value of the wrong kind is an error that names its place")
    func wrongKind() throws {
        var reader = try reader([("port", "x"), ("life", "5 minutes"), ("on", "maybe")])
        #expect {
            _ = try reader.int("port", in: 1...65_535)
        } throws: {
            "\($0)" == #"a.yaml:1:8: "port" must be a whole number from 1 to 65535, found "x""#
        }
        #expect(throws: DocumentError.self) { _ = try reader.duration("life") }
        #expect(throws: DocumentError.self) { _ = try reader.bool("on") }
        #expect(throws: DocumentError.self) { _ = try reader.requiredString("missing") }
    }

    @Test(
        "Time spans are whole numbers with units, largest first",
        arguments: [
            ("250ms", Int64(250)), ("30s", 30_000), ("5m", 300_000), ("1h30m", 5_400_000),
            ("7d", 604_800_000),
        ]
    )
    func spans(text: String, milliseconds: Int64) {
        #expect(Duration(operatorText: text) == .milliseconds(milliseconds))
    }

    @Test(
        "Other texts are no time spans",
        arguments: ["", "5", "m", "30m1h", "1.5h", "-1s", "9999999999s", "5 m"]
    )
    func noSpans(text: String) {
        #expect(Duration(operatorText: text) == nil)
    }

    @Test("Spans are spoken as people do")
    func spoken() {
        #expect(Duration.milliseconds(40).spoken == "40 ms")
        #expect(Duration.seconds(45).spoken == "45 s")
        #expect(Duration.seconds(484).spoken == "8 min")
        #expect(Duration.seconds(7500).spoken == "2 h 5 min")
        #expect(Duration.seconds(3 * 86_400).spoken == "3 days")
    }
}
