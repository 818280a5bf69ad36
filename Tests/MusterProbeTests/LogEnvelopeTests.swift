import MusterCore
import Testing

@testable import MusterProbe

/// Lines as container runtimes and syslog carry them.
@Suite struct LogEnvelopeTests {
    private static let now = Timestamp(seconds: 1_795_600_000)
    private static let parser = LogLineParser(zoneOffsetSeconds: 7_200)

    private func parse(_ line: String) -> ParsedLine {
        Self.parser.parse(Array(line.utf8)[...], now: Self.now)
    }
    private func text(_ bytes: ArraySlice<UInt8>?) -> String { String(decoding: bytes ?? [], as: UTF8.self) }

    @Test("A request inside a container's line counts as one, at the time the runtime wrote")
    func container() throws {
        let line = parse(
            "2026-11-23T02:06:00.123456789Z stdout F 10.0.0.7 - ana [23/Nov/2026:02:05:58 +0000] "
                + #""GET /api/cart HTTP/1.1" 502 12 "-" "curl/8""#
        )
        #expect(line.at == Timestamp(rfc3339: "2026-11-23T02:06:00.123456789Z"))
        let request = try #require(line.request)
        #expect(request.status == 502 && text(request.path) == "/api/cart" && text(request.user) == "ana")
        #expect(line.level == .error)
    }

    @Test("JSON and plain text inside are read as they are outside")
    func inner() {
        let json = parse(
            #"2026-11-23T02:06:00Z stderr F {"level":"warn","msg":"slow query","service":"shop"}"#
        )
        #expect(json.level == .warning && text(json.message) == "slow query" && text(json.service) == "shop")
        let plain = parse("2026-11-23T02:06:00+01:00 stderr P ERROR pool exhausted")
        #expect(plain.level == .error && plain.isPlain && text(plain.text) == "ERROR pool exhausted")
        #expect(plain.at == Timestamp(rfc3339: "2026-11-23T01:06:00Z"))
    }

    @Test(
        "Syslog's priority is the level where the message names none, its program the service",
        arguments: [
            (
                "<11>1 2026-11-23T02:06:00Z web-1 shop 4711 - - pool exhausted", LogLevel.error, "shop",
                "pool exhausted"
            ),
            (
                #"<165>1 2026-11-23T02:06:00.003Z web-1 evntslog - ID47 [a@1 iut="3" t="a \"]\" b"][b@1] begun"#,
                .info, "evntslog", "begun"
            ),
            ("<8>1 2026-11-23T02:06:00Z - - - - - down", .fatal, "", "down"),
            ("<14>1 2026-11-23T02:06:00Z h p 1 - - level=error msg=\"no route\"", .error, "p", "no route"),
            ("<15>1 2026-11-23T02:06:00Z h p 1 - - \u{FEFF}trace", .debug, "p", "trace"),
        ]
    )
    func syslog(line: String, level: LogLevel, service: String, message: String) {
        let parsed = parse(line)
        #expect(parsed.level == level)
        #expect(text(parsed.service) == service)
        #expect(text(parsed.message) == message)
        #expect(parsed.at?.wholeSeconds == Timestamp(rfc3339: "2026-11-23T02:06:00Z")?.wholeSeconds)
    }

    @Test(
        "What only looks like an envelope is a line of its own",
        arguments: [
            "2026-11-23T02:06:00Z stdout is closed", "2026-11-23T02:06:00Z stderr X message",
            "<11>2 2026-11-23T02:06:00Z web-1 shop 4711 - - message",
            "<192>1 2026-11-23T02:06:00Z h p 1 - - x",
            "<11>1 2026-11-23T02:06:00Z web-1 shop 4711 - [a b=\"c", "<11>1 ", "<>1 ", "<", "2",
        ]
    )
    func lookalikes(line: String) {
        let parsed = parse(line)
        #expect(LogEnvelope(Array(line.utf8)[...]) == nil)
        #expect(text(parsed.isPlain ? parsed.text : []) == line)
    }
}
