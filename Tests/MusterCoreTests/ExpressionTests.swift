import MusterCore
import Testing

@Suite struct ExpressionTests {
    private let known = [
        "max_connections": ExpressionValue(40, .number), "x": ExpressionValue(2, .number),
        "limit": ExpressionValue(5, .span), "half": ExpressionValue(0.5, .share),
    ]

    private func value(_ text: String) throws -> ExpressionValue {
        try ExpressionParser.condition("> \(text)").right.value { known[$0] }
    }

    @Test(
        "Products bind before sums, equal ones from left to right, parentheses before all",
        arguments: [
            ("2 + 3 * 4", 14), ("(2 + 3) * 4", 20), ("2 * 3 + 4", 10), ("10 - 4 - 3", 3), ("10 - (4 - 3)", 9),
            ("24 / 4 / 2", 3), ("24 / (4 / 2)", 12), ("-2 * 3", -6), ("2 * -3", -6), ("--2", 2),
            ("-(1 + 1)", -2),
            ("max_connections * 0.8", 32), ("x*x*x", 8), ("((1))", 1), ("8 / x - 1", 3), ("1-1", 0),
        ] as [(String, Double)]
    )
    func precedence(text: String, expected: Double) throws {
        #expect(try value(text) == ExpressionValue(expected, .number))
    }

    @Test(
        "The kind of a result follows from the kinds of its parts",
        arguments: [
            ("60%", ExpressionValue(0.6, .share)), ("1h30m", ExpressionValue(5400, .span)),
            ("50% * 40", ExpressionValue(20, .number)), ("50% * half", ExpressionValue(0.25, .share)),
            ("2 * 5s", ExpressionValue(10, .span)), ("5s * 50%", ExpressionValue(2.5, .span)),
            ("10s / limit", ExpressionValue(2, .number)), ("10s / 4", ExpressionValue(2.5, .span)),
            ("50% / 2", ExpressionValue(0.25, .share)), ("50% / half", ExpressionValue(1, .number)),
            ("limit + 500ms", ExpressionValue(5.5, .span)), ("-half", ExpressionValue(-0.5, .share)),
        ]
    )
    func kinds(text: String, expected: ExpressionValue) throws {
        #expect(try value(text) == expected)
    }

    @Test(
        "What has no value is an error that says why",
        arguments: [
            ("1 / 0", "division by zero"), ("1 / (x - 2)", "division by zero"),
            ("0% / 0%", "division by zero"),
            ("nobody * 2", "no value is known for \"nobody\""), ("Max_connections", "no value is known for"),
            ("5 + 5s", "can't add or subtract a number and a time span"),
            ("half - 1", "can't add or subtract a percentage and a number"),
            ("5s * limit", "can't multiply two time spans"),
            ("5 / 5s", "can't divide a number by a time span"),
            ("\(String(repeating: "9", count: 200)) * \(String(repeating: "9", count: 200))", "is too large"),
        ]
    )
    func noValue(text: String, message: String) {
        let error = #expect(throws: ExpressionError.self) { try value(text) }
        #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
    }

    @Test(
        "What is no condition is refused, with the place counted in characters",
        arguments: [
            ("", 0), (">", 1), ("  ", 2), ("5", 0), ("about 5", 0), ("! 5", 0), ("* 5", 0), ("=> 5", 1),
            (">> 5", 1), ("> = 5", 2), ("> * 5", 2), ("> 5 5", 4), ("> 5 x", 4), ("> 5 > 4", 4), ("> 5)", 3),
            ("> (5", 4), ("> ()", 3), ("> 5 +", 5), ("> 5 + * 4", 6), ("> 5 $", 4), ("> ５", 2), ("> %", 2),
            ("> 1.2.3", 2), ("> 1_000", 2), ("> 0x10", 2), ("> 1e5", 2), ("> 5parsecs", 2), ("> 5%5", 2),
            ("> 'x'", 2), ("> f(1)", 3), ("> 1;", 3), ("> x[0]", 3), ("> 1h2h", 2),
        ] as [(String, Int)]
    )
    func malformed(text: String, offset: Int) {
        let error = #expect(throws: ExpressionError.self) { try ExpressionParser.condition(text) }
        #expect(error?.offset == offset, "\(error?.description ?? "")")
        #expect(error?.description.hasPrefix("character \(offset + 1): ") == true)
    }

    @Test("Depth is bounded, for parentheses and for signs")
    func depth() throws {
        func nested(_ levels: Int) -> String {
            String(repeating: "(", count: levels) + "7" + String(repeating: ")", count: levels)
        }
        #expect(try value(nested(31)) == ExpressionValue(7, .number))
        #expect(try value(String(repeating: "-", count: 31) + "7") == ExpressionValue(-7, .number))
        let signs = String(repeating: "-", count: 300) + "7"
        for text in [nested(32), nested(200), String(repeating: "(", count: 500), signs] {
            let error = #expect(throws: ExpressionError.self) { try value(text) }
            #expect(error?.message.hasPrefix("nested more than 32 levels deep") == true)
        }
    }

    @Test("Length is bounded, and a long sum is no deep one")
    func length() throws {
        let sum = String(repeating: "1+", count: 254) + "1"
        #expect(try value(sum) == ExpressionValue(255, .number))
        let error = #expect(throws: ExpressionError.self) { try value(sum + "+1+1") }
        #expect(error?.message == "an expression is at most 512 characters long")
    }

    @Test("Names are told once each, in order")
    func names() throws {
        #expect(try ExpressionParser.condition("> b * (a + b) / -c - a").right.names == ["b", "a", "c"])
        #expect(try ExpressionParser.condition("> 5 + 10%").right.names.isEmpty)
    }
}
