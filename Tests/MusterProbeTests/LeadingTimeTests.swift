import MusterCore
import MusterTesting
import Testing

@testable import MusterProbe

@Suite("Times that lines begin with")
struct LeadingTimeTests {
    private static let now = Timestamp(rfc3339: "2026-11-25T10:00:00Z") ?? .zero

    @Test(
        "Each form is read to the fraction, in the host's zone where it names none",
        arguments: [
            ("2026-11-23T09:29:04.399Z x", "2026-11-23T09:29:04.399Z", " x"),
            ("2026-11-23T09:29:04+01:00 x", "2026-11-23T08:29:04Z", " x"),
            ("2026-11-23 09:29:04,399 INFO", "2026-11-23T08:29:04.399Z", " INFO"),
            ("2026-11-23 09:29:04.399 UTC [1] LOG", "2026-11-23T09:29:04.399Z", " [1] LOG"),
            ("2026/11/23 09:29:08 [error] 1#0", "2026-11-23T08:29:08Z", " [error] 1#0"),
            ("[2026-11-23 09:29:08] x", "2026-11-23T08:29:08Z", " x"),
            ("2026-11-23-09.29.04.675872 x", "2026-11-23T08:29:04.675872Z", " x"),
            ("26/11/23 09:29:04 INFO x", "2026-11-23T08:29:04Z", " INFO x"),
            ("20261123-9:5:4:606|x", "2026-11-23T08:05:04.606Z", "|x"),
            ("261123 092904 148 INFO", "2026-11-23T08:29:04Z", " 148 INFO"),
            ("261123 09:29:04 x", "2026-11-23T08:29:04Z", " x"),
            ("[23/Nov/2026:09:29:04 +0100] x", "2026-11-23T08:29:04Z", " x"),
            ("Nov 23 09:29:08 web-1 sshd[1]: x", "2026-11-23T08:29:08Z", " web-1 sshd[1]: x"),
            ("Nov  3 09:29:08 x", "2026-11-03T08:29:08Z", " x"),
            ("Dec 30 09:29:08 x", "2025-12-30T08:29:08Z", " x"),
            ("[Sun Dec 04 04:47:44 2005] [notice] x", "2005-12-04T03:47:44Z", " [notice] x"),
            ("[Sun Dec 04 04:47:44.123456 2005] x", "2005-12-04T03:47:44.123456Z", " x"),
            ("11-23 09:29:04.811  1702 D x", "2026-11-23T08:29:04.811Z", "  1702 D x"),
            ("[11.23 09:29:04] chrome.exe x", "2026-11-23T08:29:04Z", " chrome.exe x"),
            ("I1123 09:29:04.123456   12 a.go:1] x", "2026-11-23T08:29:04.123456Z", "   12 a.go:1] x"),
            ("- 1795598944 2026.11.25 R02 x", "2026-11-25T09:29:04Z", " 2026.11.25 R02 x"),
            ("1795598944.5 x", "2026-11-25T09:29:04.5Z", " x"),
            ("1795598944123 x", "2026-11-25T09:29:04.123Z", " x"),
            ("<34>1 2026-11-23T09:29:04.003Z host su - - x", "2026-11-23T09:29:04.003Z", " host su - - x"),
            ("<13>Nov 23 09:29:08 host x", "2026-11-23T08:29:08Z", " host x"),
        ]
    )
    func forms(line: String, expected: String, rest: String) throws {
        let bytes = Array(line.utf8)
        let time = try #require(LeadingTime(bytes[...], now: Self.now, zoneOffsetSeconds: 3600))
        #expect(time.at == Timestamp(rfc3339: expected))
        #expect(String(decoding: bytes[time.end...], as: UTF8.self) == rest)
    }

    @Test(
        "Numbers, addresses and words that are no times are none",
        arguments: [
            "", "x", "[", "<34>", "<34>1", "2026", "2026-13-01 00:00:00", "2026-11-23", "2026-11-23 25:00:00",
            "10.0.0.1 - - [x]", "Nov", "Now 23 09:29:08", "Nov 23", "12:34", "1795600000x", "99999999999",
            "9999999394994.", "I1123", "I1123 x", "23/Nov/2026", "2026-11-23T09:29", "- 1795600000",
        ]
    )
    func none(line: String) {
        #expect(LeadingTime(Array(line.utf8)[...], now: Self.now, zoneOffsetSeconds: 0) == nil)
    }

    @Test("Any beginning of any line is read without harm")
    func prefixes() {
        var random = SplitMix64(seed: 4)
        let alphabet = Array("0123456789-/.:,TZ+ <>[]NovI".utf8)
        for _ in 0..<20_000 {
            let bytes = (0..<Int.random(in: 0...40, using: &random)).map { _ in
                alphabet.randomElement(using: &random) ?? 0
            }
            if let time = LeadingTime(bytes[...], now: Self.now, zoneOffsetSeconds: 0) {
                #expect(time.end <= bytes.count)
            }
        }
    }
}
