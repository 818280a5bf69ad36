import MusterCore
import Testing

@testable import MusterDrill

@Suite struct ShopTests {
    private let sound = Checkout(release: Release(version: "4520", features: .init()))
    private let broken = Checkout(
        release: Release(version: "4521", features: .init(splitPayment: .init(itemsPerInstalment: 3)))
    )

    @Test("A release without split payments charges every cart at once", arguments: 1...12)
    func soundRelease(items: Int) throws {
        #expect(try sound.instalments(items: items) == [items])
    }

    @Test("Release 4521 fails exactly for carts that divide evenly into instalments", arguments: 1...12)
    func brokenRelease(items: Int) throws {
        if items.isMultiple(of: 3) {
            #expect(throws: Checkout.Failure.self) { try broken.instalments(items: items) }
        } else {
            #expect(try broken.instalments(items: items).reduce(0, +) == items)
        }
    }

    @Test("The payment service refuses what was made more than a minute before or after it arrives")
    func leeway() throws {
        let now = Timestamp(seconds: 1_795_400_000)
        func refusal(_ offset: Int) -> String? {
            PaymentDesk.refusal(of: "\(1_795_400_000 + offset)", at: now)
        }
        for offset in [0, 59, -60, 60] { #expect(refusal(offset) == nil) }
        #expect(refusal(95) == "RequestTimeTooSkewed: the request was made 95 s after it arrived")
        #expect(try #require(refusal(-61)).contains("61 s before it arrived"))
        for text in [nil, "", "yesterday", "-5", "99999999999999999999"] {
            #expect(try #require(PaymentDesk.refusal(of: text, at: now)).hasPrefix("MissingRequestTime"))
        }
    }

    @Test("About 36 of 100 carts meet the defect, so that on one of three hosts 12% of all checkouts fail")
    func shareOfCarts() {
        var shoppers = Shoppers(seed: 1)
        let carts = (0..<20_000).map { _ in shoppers.next().items }
        let share = Double(carts.count { $0.isMultiple(of: 3) }) / Double(carts.count)
        #expect(abs(share - 0.36) < 0.015)
    }

    @Test("The same seed sends the same people")
    func seeded() {
        var left = Shoppers(seed: 7)
        var right = Shoppers(seed: 7)
        for _ in 0..<100 { #expect(left.next().user == right.next().user) }
    }

    @Test("Every access log format is one line with path, status, user and time")
    func accessLines() {
        let record = AccessRecord(
            at: Timestamp(nanoseconds: 1_795_442_401_123_456_789),
            user: "u-12",
            client: "127.0.0.1",
            method: "POST",
            path: "/api/checkout",
            status: 500,
            bytes: 26,
            duration: .microseconds(12_345),
            agent: "shopper/1"
        )
        #expect(
            record.line(.combined)
                == "127.0.0.1 - u-12 [23/Nov/2026:14:00:01 +0000] \"POST /api/checkout HTTP/1.1\" 500 26 "
                + "\"-\" \"shopper/1\" 0.012"
        )
        #expect(
            record.line(.json)
                == #"{"time":"2026-11-23T14:00:01.123Z","level":"error","service":"shop","method":"POST","#
                + #""path":"/api/checkout","status":500,"duration_ms":12.345,"bytes":26,"user":"u-12","#
                + #""remote":"127.0.0.1"}"#
        )
        #expect(record.line(.logfmt).hasPrefix("time=2026-11-23T14:00:01.123Z level=error service=shop "))
        #expect(record.line(.logfmt).contains("status=500 duration_ms=12.345 bytes=26 user=\"u-12\""))
    }

    @Test("What a client sends can't end a log line or a field")
    func escaping() {
        #expect(AccessRecord.escaped("/a\"b\\c\nd\u{1B}") == "/a\\\"b\\\\c?d?")
    }

    @Test("A time on the second keeps its three decimals")
    func milliseconds() {
        #expect(Timestamp(nanoseconds: 5_000_000_001).milliseconds == "1970-01-01T00:00:05.000Z")
    }

    @Test(
        "A release name can't lead out of the folder",
        arguments: ["", ".", "..", "../x", "a/b", "-\n", ".x"]
    )
    func releaseNames(name: String) {
        #expect(!ReleaseDirectory.isVersion(name))
    }

    @Test("A release that is not installed is not put into use")
    func missingRelease() throws {
        let folder = try Files.makeTemporaryFolder()
        defer { Files.remove(folder) }
        let releases = ReleaseDirectory(root: folder)
        try releases.install(Release(version: "4520", features: .init()))
        try releases.point(at: "4520")
        #expect(throws: DrillError.self) { try releases.point(at: "4521") }
        #expect(try Release.current(in: folder).version == "4520")
    }
}
