import Testing

@testable import MusterCause

@Suite struct ChangeWordsTests {
    @Test(
        "Identifiers are split where people would read them apart",
        arguments: [
            ("ServiceUnavailable", ["service", "unavailable"]), ("HTTPServer2xx", ["http", "server2xx"]),
            ("max_poll-records", ["max", "poll", "records"]),
            ("NodeNotReady: 503", ["node", "not", "ready", "503"]),
            ("é§", []),
        ]
    )
    func parts(_ text: String, _ parts: [String]) { #expect(ChangeWords.parts(text) == parts) }

    @Test("One name is the same however it is written")
    func identifiers() {
        for text in ["orderTotals", "OrderTotals", "order_totals", "order-totals", "h.orderTotals(x)"] {
            #expect(ChangeWords.identifiers(text).contains("order_totals"), "\(text)")
        }
        #expect(ChangeWords.identifiers("plain words only").isEmpty)
        #expect(ChangeWords.identifiers("max.poll.records=5").contains("max_poll_records"))
    }

    @Test("Number and tense don't tell words apart, and what is everywhere is no term")
    func terms() {
        #expect(Set(ChangeWords.terms("retries retrying")) == Set(ChangeWords.terms("retry")))
        #expect(ChangeWords.terms("func return error 42 a").isEmpty)
    }

    @Test("A long word of the vocabulary is found at the start of a compound, a short one is not")
    func vocabulary() {
        #expect(ChangeWords.matches("limit", "limiter"))
        #expect(!ChangeWords.matches("pool", "poolside"))
        #expect(!ChangeWords.matches("limit", "unlimited"))
    }
}

@Suite struct QuantityTests {
    private func values(_ text: String, keyed name: String = "") -> [Quantity] {
        Quantity.all(in: text, keyed: name).map(\.quantity)
    }

    @Test(
        "Numbers are read with their unit, in any of the usual ways",
        arguments: [
            ("wait 300ms", 0.3, Quantity.Dimension.time), ("5*time.Second", 5, .time),
            ("ttl: 2 minutes", 120, .time),
            ("timeout_ms = 250", 0.25, .time), ("memory: 256Mi", 268_435_456, .bytes),
            ("max: 1_000", 1000, .plain),
            ("attempt 7 of many", 7, .plain), ("min_conns: 5", 5, .plain),
        ]
    )
    func units(_ text: String, _ value: Double, _ dimension: Quantity.Dimension) throws {
        let found = try #require(values(text).first)
        #expect(abs(found.value - value) < 1e-9 && found.dimension == dimension, "\(found)")
    }

    @Test("Versions, addresses and numbers inside of names are no values")
    func none() {
        #expect(values("v1.2.3 10.0.0.1 sha256 1st utf8").isEmpty)
    }

    @Test("The name of an attribute says in what its value is counted")
    func keyed() { #expect(values("300", keyed: "deadline_ms") == [Quantity(value: 0.3, dimension: .time)]) }

    @Test("A number belongs to the name before it")
    func names() {
        let found = Quantity.all(in: "Policy{MaxAttempts: 8, BaseDelay: 5 * time.Millisecond}")
        #expect(found.map(\.key) == ["max_attempts", "base_delay"])
    }
}
