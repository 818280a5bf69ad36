import MusterTesting
import Testing

@testable import muster

@Suite struct ChangeDiffTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func read(_ text: String) throws -> String {
        let path = directory.path("change.diff")
        try Files.write(Array(text.utf8), to: path, mode: 0o600)
        return try ChangeRecordCommand.read(path)
    }

    @Test("A diff is sent as it is, and a long one to the last whole line that fits")
    func bounded() throws {
        let short = "@@\n-a\n+b"
        #expect(try read(short) == short)
        let line = "+\(String(repeating: "x", count: 98))\n"
        let cut = try read(String(repeating: line, count: 10_000))
        #expect(cut.utf8.count == (64 << 10) / 100 * 100)
        #expect(cut.hasSuffix(line))
        #expect(try read(String(repeating: "y", count: 100_000)).utf8.count == 64 << 10)
        #expect(throws: CLIError.self) { try ChangeRecordCommand.read(directory.path("missing")) }
    }
}
