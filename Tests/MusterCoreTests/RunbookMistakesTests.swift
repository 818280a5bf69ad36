import MusterCore
import Testing

@Suite struct RunbookMistakesTests {
    private func expectError(_ text: String, line: Int, _ expected: String) {
        let error = #expect(throws: DocumentError.self) { try RunbookDocumentTests.read(text) }
        let message = error.map { "\($0)" } ?? ""
        #expect(message.hasPrefix("pool.yaml:\(line):"), "\(message)")
        #expect(message.contains(expected), "\(message)")
    }

    /// A file, the line at fault and what the message says.
    static let files: [(String, Int, String)] = [
        ("- a", 1, "expected a runbook as \"key: value\" lines, found a list"),
        ("", 1, "missing key \"trigger\""),
        ("name: \"\"\ntrigger: { alert: x }", 1, "\"name\" must have 1 to 128 bytes"),
        ("steps: []\ntrigger: x", 2, "expected a trigger as \"key: value\" lines, found \"x\""),
        ("trigger: { confidence: high }", 1, "a trigger needs \"alert\" or \"cause\""),
        ("trigger:\n  alert: x\n  confidence: sure", 3, "must be one of high, medium, low, found \"sure\""),
        ("trigger:\n  cause: gremlins", 2, "\"cause\" must be one of bad-deploy, bad-config"),
        ("trigger:\n  alert: x\n  casue: cpu", 3, "unknown key \"casue\"; expected one of alert, cause"),
        ("trigger:\n  alert: [x]", 2, "\"alert\" must be a text or number, found a list"),
        ("trigger: { alert: x }", 1, "\"steps\" must have at least one step"),
        ("trigger: { alert: x }\nsteps: []", 2, "\"steps\" must have at least one step"),
        ("trigger: { alert: x }\nsteps: notify", 2, "\"steps\" must be a list, found \"notify\""),
        ("trigger: { alert: x }\nsteps:\n  - notify", 3, "expected a step as \"key: value\" lines"),
        (
            "trigger: { alert: x }\nsteps: [{ action: notify, message: x }]\nowner: y", 3,
            "unknown key \"owner\""
        ),
        ("trigger: { alert: x }\ntrigger: { alert: y }", 2, "key \"trigger\" was already given in line 1"),
        ("trigger: { alert: x", 2, "did not find expected ',' or '}'"),
    ]

    @Test(
        "A file that is no runbook is refused with its place and what was expected",
        arguments: RunbookMistakesTests.files
    )
    func file(text: String, line: Int, expected: String) {
        expectError(text, line: line, expected)
    }

    /// A step from the third line of a file on, the line at fault and what the message says.
    static let steps: [(String, Int, String)] = [
        ("message: x", 3, "missing key \"action\""),
        ("action: restart", 3, "unknown action \"restart\"; expected one of verify_hypothesis, mitigate"),
        ("action: notify", 3, "missing key \"message\""),
        ("action: notify\n    message: \"\"", 4, "\"message\" must not be empty"),
        (
            "action: notify\n    message: x\n    masage: y", 5,
            "unknown key \"masage\"; expected one of action"
        ),
        ("action: verify_hypothesis", 3, "missing key \"check\""),
        ("action: verify_hypothesis\n    check: SELECT 1", 4, "must be a signal, as in \"Error ratio < 1%\""),
        (
            "action: verify_hypothesis\n    check: SELECT 1\n    threshold: about 5", 5,
            "\"threshold\" at character 1: expected a comparison: one of <, <=, >"
        ),
        (
            "action: verify_hypothesis\n    check: SELECT 1\n    threshold: \"> 5 *\"", 5,
            "expected a number, a name or \"(\", found the end"
        ),
        (
            "action: verify_hypothesis\n    check: Error ratio < 1%\n    target: orders", 5,
            "\"target\" goes with a statement and its \"threshold\""
        ),
        (
            "action: verify_resolution\n    check: Error ratio < 1%\n    timeout: 5 minutes", 5,
            "\"timeout\" must be a time span like 30s, 5m or 1h30m, found \"5 minutes\""
        ),
        (
            "action: verify_resolution\n    check: Error ratio < 1%\n    timeout: 0s", 5,
            "\"timeout\" must be from 1ms to 1d"
        ),
        (
            "action: verify_resolution\n    check: Error ratio < 1%\n    timeout: 2d", 5,
            "\"timeout\" must be from 1ms to 1d"
        ),
        ("action: mitigate", 3, "mitigate needs exactly one of \"command\" (a statement) and \"run\""),
        ("action: mitigate\n    command: SELECT 1\n    run: x", 3, "needs exactly one of \"command\""),
        ("action: mitigate\n    command: \"\"", 4, "\"command\" must have 1 byte to 16 KiB"),
        ("action: mitigate\n    run: \"\"", 4, "\"run\" must have 1 to 64 bytes"),
        ("action: mitigate\n    command: SELECT 1\n    with: { a: b }", 5, "\"with\" goes with \"run\""),
        ("action: mitigate\n    run: x\n    target: y", 5, "\"target\" goes with \"command\""),
        (
            "action: mitigate\n    run: x\n    with: y", 5,
            "\"with\" must be \"name: value\" lines, found \"y\""
        ),
        (
            "action: mitigate\n    run: x\n    hosts: \"\"", 5,
            "\"hosts\" must be culprit, database or a selector"
        ),
        ("action: mitigate\n    run: x\n    irreversible: \"\"", 5, "must say why it can't be taken back"),
        ("action: mitigate\n    run: x\n    rollback: y", 5, "expected a rollback as \"key: value\" lines"),
        (
            "action: mitigate\n    run: x\n    rollback: { run: y, wiht: {} }", 5,
            "unknown key \"wiht\"; expected one of command, run, target, with"
        ),
        (
            "action: mitigate\n    run: x\n    rollback: { run: y }\n    irreversible: z", 6,
            "either \"rollback\" or \"irreversible\", not both"
        ),
        (
            "action: mitigate\n    run: x\n    requires_approval: perhaps", 5,
            "\"requires_approval\" must be true or false, found \"perhaps\""
        ),
        ("action: mitigate\n    run: x\n    verify: { run: y }", 5, "\"verify\" goes with \"rollback\""),
        (
            "action: mitigate\n    run: x\n    rollback: { run: y }\n    verify: { check: Error ratio < 1% }",
            6,
            "a host can't measure signals"
        ),
        (
            "action: mitigate\n    run: x\n    rollback: { run: y }\n    verify: { run: z, with: { to: \"{service}\" } }",
            6, "\"verify\" takes no names in braces"
        ),
        (
            "action: mitigate\n    run: x\n    rollback: { run: y }\n    verify: { run: z, within: 2h }", 6,
            "\"within\" must be from 1s to 1h"
        ),
        ("action: mitigate\n    run: x\n    waves: [1, all]", 5, "a wave is a number of hosts or a share"),
        (
            "action: mitigate\n    run: x\n    waves: [\((1...65).map { "\($0)" }.joined(separator: ", "))]",
            5,
            "there are at most 64 waves"
        ),
        (
            "action: mitigate\n    run: x\n    stop_when: \"\(String(repeating: "x", count: 260)) > 1%\"", 5,
            "\"stop_when\" has at most 256 bytes"
        ),
        ("action: mitigate\n    run: x\n    waves: [0]", 5, "a wave is a number of hosts or a share"),
        ("action: mitigate\n    run: x\n    waves: [101%]", 5, "a wave is a number of hosts or a share"),
        ("action: mitigate\n    run: x\n    soak: 2h", 5, "\"soak\" must be from 0s to 1h"),
        ("action: mitigate\n    run: x\n    error_budget: -1", 5, "\"error_budget\" must be"),
        ("action: mitigate\n    run: x\n    at_once: 3", 5, "\"at_once\" must be a share, as in \"25%\""),
        ("action: mitigate\n    run: x\n    stop_when: it hurts", 5, "\"stop_when\" must be a signal"),
    ]

    @Test(
        "A step that can't be meant is refused with its place and what was expected",
        arguments: RunbookMistakesTests.steps
    )
    func step(text: String, line: Int, expected: String) {
        expectError("trigger: { alert: x }\nsteps:\n  - \(text)", line: line, expected)
    }

    @Test("A runbook has at most 32 steps, and the one too many is named")
    func tooMany() throws {
        let head = "trigger: { alert: x }\nsteps:\n"
        let step = "  - { action: notify, message: x }\n"
        let most = head + String(repeating: step, count: Runbook.stepsMax)
        #expect(try RunbookDocumentTests.read(most).steps.count == 32)
        expectError(most + step, line: 35, "a runbook has at most 32 steps")
    }

    @Test("A statement is bounded")
    func statement() throws {
        let head = "trigger: { alert: x }\nsteps:\n  - action: mitigate\n    command: "
        _ = try RunbookDocumentTests.read(head + String(repeating: "x", count: 16 << 10))
        expectError(head + String(repeating: "x", count: 16 << 10 + 1), line: 4, "1 byte to 16 KiB")
    }
}
