import MusterCore
import Testing

@Suite struct ConditionTests {
    private func isMet(_ text: String, by left: ExpressionValue) throws -> Bool {
        let names = ["max_connections": ExpressionValue(40, .number)]
        return try ExpressionParser.condition(text).isMet(by: left) { names[$0] }.met
    }

    @Test("A threshold may rest on a setting of the server")
    func setting() throws {
        let condition = try ExpressionParser.condition("> max_connections * 0.8")
        #expect(condition.text == "> max_connections * 0.8")
        let (met, bound) = try condition.isMet(by: ExpressionValue(33, .number)) { name in
            name == "max_connections" ? ExpressionValue(40, .number) : nil
        }
        #expect(met)
        #expect(bound == ExpressionValue(32, .number))
        #expect(try !isMet("> max_connections * 0.8", by: ExpressionValue(32, .number)))
        #expect(throws: ExpressionError.self) {
            try condition.isMet(by: ExpressionValue(33, .number)) { _ in nil }
        }
    }

    @Test(
        "Each comparison is true below, at or above the bound as it says",
        arguments: [
            ("< 5", [true, false, false]), ("<= 5", [true, true, false]), ("> 5", [false, false, true]),
            (">= 5", [false, true, true]), ("== 5", [false, true, false]), ("= 5", [false, true, false]),
            ("!= 5", [true, false, true]), (">=5", [false, true, true]), ("  <\t5 ", [true, false, false]),
        ]
    )
    func comparisons(text: String, expected: [Bool]) throws {
        let met = try [4.0, 5, 6].map { try isMet(text, by: ExpressionValue($0, .number)) }
        #expect(met == expected)
    }

    @Test("A share and a plain number compare with each other")
    func shares() throws {
        #expect(try isMet("< 60%", by: ExpressionValue(0.59, .share)))
        #expect(try !isMet("< 60%", by: ExpressionValue(0.6, .share)))
        #expect(try isMet("< 60%", by: ExpressionValue(0.59, .number)))
        #expect(try !isMet("< 60%", by: ExpressionValue(59, .number)))
    }

    @Test("A time span compares only with a time span")
    func spans() throws {
        #expect(try isMet("< 250ms", by: ExpressionValue(0.2, .span)))
        #expect(
            throws: ExpressionError(offset: 0, message: "can't compare a time span with a number in \"< 5\"")
        ) {
            try isMet("< 5", by: ExpressionValue(0.2, .span))
        }
        #expect(throws: ExpressionError.self) { try isMet("< 5s", by: ExpressionValue(0.2, .number)) }
        #expect(throws: ExpressionError.self) { try isMet("< 5s", by: ExpressionValue(0.2, .share)) }
    }

    @Test("A phrase is a signal's name and a condition")
    func phrase() throws {
        let (name, condition) = try ExpressionParser.phrase("Connection  pool utilization < 60%")
        #expect(name == "Connection pool utilization")
        #expect(condition == Condition(comparison: .less, right: .share(0.6), text: "< 60%"))
    }

    @Test(
        "Without a name or a comparison it is no phrase",
        arguments: [
            ("", 0, "expected a comparison such as"), ("Error ratio", 11, "expected a comparison such as"),
            ("< 60%", 0, "expected a signal's name"), ("  > 1", 0, "expected a signal's name"),
            ("Error ratio <", 13, "found the end"), ("Error ratio < 1% of all", 17, "expected the end"),
        ]
    )
    func noPhrase(text: String, offset: Int, message: String) {
        let error = #expect(throws: ExpressionError.self) { try ExpressionParser.phrase(text) }
        #expect(error?.offset == offset)
        #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
    }

    @Test(
        "A measured text is a number, a truth value or a time span",
        arguments: [
            ("40", ExpressionValue(40, .number)), ("0.93", ExpressionValue(0.93, .number)),
            ("-1", ExpressionValue(-1, .number)), ("t", ExpressionValue(1, .number)),
            ("on", ExpressionValue(1, .number)), ("false", ExpressionValue(0, .number)),
            ("30s", ExpressionValue(30, .span)),
        ]
    )
    func measured(text: String, expected: ExpressionValue) {
        #expect(ExpressionValue(measured: text) == expected)
    }

    @Test(
        "Any other text is no measured value",
        arguments: ["", "idle", "nan", "inf", "1e999", "40 ", "T", "5 s"]
    )
    func notMeasured(text: String) {
        #expect(ExpressionValue(measured: text) == nil)
    }

    @Test("Values are written as people read them")
    func text() {
        #expect(ExpressionValue(38, .number).text == "38")
        #expect(ExpressionValue(0.925, .share).text == "92.5%")
        #expect(ExpressionValue(4.25, .span).text == "4.25 s")
    }
}
