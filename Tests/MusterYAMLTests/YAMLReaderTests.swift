import MusterCore
import MusterYAML
import Testing

@Suite struct YAMLReaderTests {
    private func read(_ text: String) throws -> Document {
        try YAMLReader.read(Array(text.utf8), name: "a.yaml")
    }

    @Test("A runbook keeps its order, its places and its texts as written")
    func runbook() throws {
        let document = try read(
            """
            trigger:
              alert: "PostgreSQL connection pool > 90%"
              confidence: high
            steps:
              - action: verify_hypothesis
                threshold: "> max_connections * 0.8"
              - action: mitigate
                requires_approval: false # Pre-approved for this runbook
            """
        )
        guard case .mapping(let root) = document.root.value, root.map(\.key) == ["trigger", "steps"],
            case .mapping(let trigger) = root[0].value.value, case .sequence(let steps) = root[1].value.value,
            case .mapping(let mitigate) = steps[1].value
        else {
            Issue.record("unexpected shape: \(document)")
            return
        }
        #expect(trigger[0].value.value == .scalar("PostgreSQL connection pool > 90%", quoted: true))
        #expect(trigger[1].value.value == .scalar("high", quoted: false))
        #expect(trigger[1].position == DocumentPosition(line: 3, column: 3))
        #expect(mitigate[1].value.value == .scalar("false", quoted: false))
        #expect(mitigate[1].value.position == DocumentPosition(line: 8, column: 24))
    }

    @Test("A file without content is an empty mapping", arguments: ["", "\n", "# nothing\n", "---\n"])
    func empty(text: String) throws {
        #expect(try read(text).root.value == .mapping([]))
    }

    @Test(
        "What would let a file mean more than it shows is refused, with its place",
        arguments: [
            ("a: &x 1\nb: 2", "a.yaml:1:4: anchors"),
            ("a: 1\nb: *x", "a.yaml:2:4: "),
            ("a: !!binary aGk=", "a.yaml:1:4: tags"),
            ("a: 1\nb: 2\na: 3", "a.yaml:3:1: key \"a\" was already given in line 1"),
            ("a: 1\n---\nb: 2", "a.yaml:2:1: a second document"),
            ("? [a]\n: 1", "a.yaml:1:3: a key must be a text"),
            ("a: [1, 2", "a.yaml:2:1: did not find expected ',' or ']'"),
            ("a: 1\n b: 2", "a.yaml:2:3: mapping values are not allowed"),
            ("a: \u{1}", "a.yaml:1:4: control characters are not allowed"),
        ]
    )
    func refused(text: String, message: String) {
        #expect {
            _ = try read(text)
        } throws: {
            let described = "\($0)"
            if !described.hasPrefix(message) { Issue.record("\(described)") }
            return described.hasPrefix(message)
        }
    }

    @Test("Depth and size are bounded")
    func bounds() throws {
        _ = try read(String(repeating: "[", count: 32) + String(repeating: "]", count: 32))
        #expect(throws: DocumentError.self) {
            _ = try read(String(repeating: "[", count: 33) + String(repeating: "]", count: 33))
        }
        #expect(throws: DocumentError.self) { _ = try read(String(repeating: "#", count: (1 << 20) + 1)) }
        #expect(throws: DocumentError.self) { _ = try YAMLReader.read([0x61, 0x3A, 0x20, 0xFF], name: "a") }
    }
}
