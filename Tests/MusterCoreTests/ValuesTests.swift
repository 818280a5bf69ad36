import MusterCore
import Testing

@Suite struct TimestampTests {
    @Test(
        "RFC 3339 text is read exactly and written back in UTC",
        arguments: [
            ("1970-01-01T00:00:00Z", Int64(0), "1970-01-01T00:00:00Z"),
            ("2026-11-23T02:14:07.120Z", 1_795_400_047_120_000_000, "2026-11-23T02:14:07.120Z"),
            ("2026-11-23T04:14:07.12+02:00", 1_795_400_047_120_000_000, "2026-11-23T02:14:07.120Z"),
            (
                "2000-02-29T23:59:59.000000001-00:30", 951_870_599_000_000_001,
                "2000-03-01T00:29:59.000000001Z"
            ),
            ("1969-12-31T23:59:59.5Z", -500_000_000, "1969-12-31T23:59:59.500Z"),
        ]
    )
    func readsAndWrites(text: String, nanoseconds: Int64, written: String) throws {
        let moment = try #require(Timestamp(rfc3339: text))
        #expect(moment.nanoseconds == nanoseconds)
        #expect(moment.description == written)
    }

    @Test(
        "Anything else is no time",
        arguments: [
            "", "2026", "2026-13-01T00:00:00Z", "2026-11-23T24:00:00Z", "2026-11-23T02:14:07", "x",
            "2026-11-23T02:14:07.Z", "2026-11-23T02:14:07Z ", "9999-01-01T00:00:00Z", "２026-11-23T02:14:07Z",
        ]
    )
    func refuses(text: String) {
        #expect(Timestamp(rfc3339: text) == nil)
    }

    @Test("Arithmetic saturates: an agent's clock may say anything")
    func saturates() {
        let end = Timestamp(nanoseconds: .max)
        #expect(end + .seconds(1) == end)
        #expect(Timestamp(nanoseconds: .min) - .seconds(1) == Timestamp(nanoseconds: .min))
        #expect((end - Timestamp(nanoseconds: .min)).nanoseconds == .max)
        #expect(Duration.seconds(Int64.max).nanoseconds == .max)
    }

    @Test("Each day from 1900 to 2100 survives the way to a date and back")
    func calendar() {
        let first = Timestamp.daysSinceEpoch(year: 1900, month: 1, day: 1)
        let last = Timestamp.daysSinceEpoch(year: 2100, month: 12, day: 31)
        #expect(last - first == 73_413)
        for day in first...last {
            let (year, month, dayOfMonth) = Timestamp.date(daysSinceEpoch: day)
            #expect(Timestamp.daysSinceEpoch(year: year, month: month, day: dayOfMonth) == day)
        }
    }
}

@Suite struct IdentifierTests {
    @Test("A UUIDv7 keeps its millisecond, version and variant, and sorts by time")
    func version7() throws {
        let first = UUIDv7(at: Timestamp(nanoseconds: 1_795_400_047_120_999_999), random: (.max, .max))
        #expect(first.description.hasSuffix("-7fff-bfff-ffffffffffff"))
        #expect(UUIDv7(first.description) == first)
        let second = UUIDv7(at: Timestamp(nanoseconds: 1_795_400_047_121_000_000), random: (0, 0))
        #expect(first < second)
        #expect(first.description < second.description)
    }

    @Test(
        "Text that is no UUIDv7 is refused",
        arguments: [
            "", "0199", "019aadee-0000-4000-8000-000000000000", "019aadee-0000-7000-c000-000000000000",
            "019aadee_0000-7000-8000-000000000000", "019aadee-0000-7000-8000-00000000000g",
        ]
    )
    func refuses(text: String) {
        #expect(UUIDv7(text) == nil)
    }

    @Test("Hexadecimal is strict")
    func hexadecimal() {
        #expect(Hex.bytes(of: "00ffA0") == [0, 255, 160])
        #expect(Hex.bytes(of: "0") == nil)
        #expect(Hex.bytes(of: "0x") == nil)
        #expect(Hex.text(of: [0, 255, 160]) == "00ffa0")
        #expect(Digest("00") == nil)
    }
}

@Suite struct CoverageTests {
    @Test("Coverage counts each way of not answering")
    func summary() {
        func reply(_ kind: OutcomeKind) -> HostReply {
            HostReply(host: HostReference(id: .zero, name: "h"), outcome: Outcome(kind), answer: nil)
        }
        let coverage = Coverage([.ok, .ok, .partial, .refused, .timeout, .unreachable].map(reply))
        #expect(coverage.summary == "answered 3/6, 1 partial, 1 refused, 1 timeout, 1 unreachable")
        #expect(coverage.ratio == 0.5)
        #expect(Coverage([]).ratio == 0)
    }
}
