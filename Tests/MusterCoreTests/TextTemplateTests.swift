import MusterCore
import Testing

@Suite struct TextTemplateTests {
    private let values = ["count": "38", "host": "{count}", "change.before": "4520", "x": ""]

    @Test(
        "Each name is filled once, and what is filled in is never looked at again",
        arguments: [
            ("Terminated {count} idle connections.", "Terminated 38 idle connections."),
            ("{count}{count}", "3838"), ("on {host}", "on {count}"), ("{{host}}", "{{count}}"),
            ("--to={change.before}", "--to=4520"), ("[{x}]", "[]"), ("", ""), ("no names", "no names"),
        ]
    )
    func fills(source: String, text: String) {
        #expect(TextTemplate(source).filled { values[$0] } == text)
    }

    @Test(
        "Any other brace is plain text",
        arguments: ["{", "}", "{}", "{ count }", "{count", "count}", "{a b}", "{cöunt}", "${{{", "a { b } c"]
    )
    func plain(source: String) {
        let template = TextTemplate(source)
        #expect(template.isLiteral)
        #expect(template.parts == [.text(source)])
        #expect(template.filled { _ in nil } == source)
    }

    @Test("A name that nobody knows leaves nothing filled")
    func unknown() {
        #expect(TextTemplate("{count} of {max}").filled { values[$0] } == nil)
        #expect(TextTemplate("{Count}").filled { values[$0] } == nil)
    }

    @Test("A name may stay as it stands in the text")
    func stays() {
        let template = TextTemplate("{count} of {max} on {host}")
        #expect(template.filled { values[$0] ?? "{\($0)}" } == "38 of {max} on {count}")
    }

    @Test("Names are told in order, and asked for once each time they stand there")
    func names() {
        let template = TextTemplate("{b} {a} {b} {c.d-e_f}")
        #expect(template.names == ["b", "a", "b", "c.d-e_f"])
        #expect(!template.isLiteral)
        var asked: [String] = []
        _ = template.filled { name in
            asked.append(name)
            return "{a}"
        }
        #expect(asked == template.names)
    }
}
