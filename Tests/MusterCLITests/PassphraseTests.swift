import ArgumentParser
import Glibc
import MusterIdentity
import MusterTesting
import Testing

@testable import muster

@Suite("CLI: passphrases of keys")
struct PassphraseTests {
    private let folder: TemporaryDirectory
    private let secret: String
    private let key: String

    init() throws {
        folder = try TemporaryDirectory()
        secret = try folder.write("secret", Array("correct horse ü\n".utf8))
        key = folder.path("ana.key")
    }

    private static func run<Command: ParsableCommand>(_ type: Command.Type, _ arguments: String...) throws {
        var command = try type.parse(arguments)
        try command.run()
    }

    private func make(_ arguments: String...) throws -> SigningKey {
        let protection = try NewPassphraseOptions.parse(arguments)
        return try Signer.makeKey(at: key, protection)
    }

    private func read(_ arguments: String...) throws -> SigningKey {
        try Signer.read(key, try UnlockingOptions.parse(arguments))
    }

    /// Why it fails.
    private func refusal(_ body: () throws -> some Any) -> String? {
        do {
            _ = try body()
            return nil
        } catch { return "\(error)" }
    }

    @Test("a key opens with its passphrase and with no other")
    func roundTrip() throws {
        let made = try make("--passphrase-file", secret)
        #expect(TemporaryDirectory.read(key).contains("BEGIN ENCRYPTED PRIVATE KEY"))
        #expect(try read("--passphrase-file", secret).publicKey == made.publicKey)
        let wrong = try folder.write("wrong", Array("correct horse u".utf8))
        #expect(
            refusal { try read("--passphrase-file", wrong) }?.contains("the passphrase is not right") == true
        )
    }

    @Test("a key without one keeps working, and gets its first by a command")
    func plain() throws {
        let made = try make("--no-passphrase")
        #expect(try read().publicKey == made.publicKey)
        try Self.run(OperatorPassphraseCommand.self, "--key", key, "--new-passphrase-file", secret)
        #expect(try read("--passphrase-file", secret).publicKey == made.publicKey)
        var status = stat()
        #expect(stat(key, &status) == 0 && status.st_mode & 0o777 == 0o600)
    }

    @Test(
        "files that others can read are refused with what to do",
        arguments: [0o640, 0o604, 0o620, 0o666] as [mode_t]
    )
    func modes(_ mode: mode_t) throws {
        _ = try make("--passphrase-file", secret)
        chmod(key, mode)
        #expect(
            refusal { try read("--passphrase-file", secret) }?.contains("run \"chmod 600 \(key)\"") == true
        )
        chmod(key, 0o600)
        chmod(secret, mode)
        #expect(
            refusal { try read("--passphrase-file", secret) }?.contains("run \"chmod 600 \(secret)\"") == true
        )
    }

    @Test("a passphrase may come through a pipe")
    func pipe() throws {
        var ends: [Int32] = [-1, -1]
        #expect(Glibc.pipe(&ends) == 0)
        defer { for end in ends where end >= 0 { close(end) } }
        let text = Array("correct horse ü\n".utf8)
        #expect(write(ends[1], text, text.count) == text.count)
        close(ends[1])
        ends[1] = -1
        let made = try make("--passphrase-file", "/dev/fd/\(ends[0])")
        #expect(try read("--passphrase-file", secret).publicKey == made.publicKey)
    }

    @Test("short, empty and endless passphrases are refused, and no key is made")
    func lengths() throws {
        for text in ["", "\nsecond line", "seven77", String(repeating: "x", count: 1025)] {
            try folder.write("secret", Array(text.utf8))
            #expect(throws: CLIError.self) { try make("--passphrase-file", secret) }
        }
        #expect(!Files.exists(key))
        #expect(throws: (any Error).self) { try make("--passphrase-file", secret, "--no-passphrase") }
    }

    @Test(
        "what is typed on a terminal is taken and not shown",
        arguments: [
            ("swordfish\n", "swordfish"), ("sword\u{7F}\u{8}rdfish\r", "swordfish"),
            ("wrong\u{15}swordfish\n", "swordfish"), ("fü\u{7F}\u{7F}\u{7F}\u{7F}\n", ""),
            ("sword\u{3}", nil),
            ("\u{4}", nil),
        ] as [(String, String?)]
    )
    func terminal(_ typed: String, _ expected: String?) throws {
        var (near, far): (Int32, Int32) = (-1, -1)
        try #require(openpty(&far, &near, nil, nil, nil) == 0)
        defer {
            close(near)
            close(far)
        }
        var before = termios()
        tcgetattr(near, &before)
        // The person types once the question is there.
        let person = Person(terminal: far, typed: Array(typed.utf8))
        var thread = pthread_t()
        let started = pthread_create(&thread, nil, Person.type, Unmanaged.passUnretained(person).toOpaque())
        try #require(started == 0)
        let answer = try? Passphrase.ask("Passphrase: ", on: near)
        pthread_join(thread, nil)
        #expect(answer.map { String(decoding: $0.bytes, as: UTF8.self) } == expected)
        var shown = [UInt8](repeating: 0, count: 256)
        let count = Glibc.read(far, &shown, shown.count)
        let text = String(decoding: person.seen + shown.prefix(max(0, count)), as: UTF8.self)
        #expect(text == "Passphrase: \r\n")
        var after = termios()
        tcgetattr(near, &after)
        #expect(after.c_lflag == before.c_lflag)
    }
}

/// Somebody who waits for a question and then types.
private final class Person {
    private let terminal: Int32
    private let typed: [UInt8]
    /// What the terminal showed until then.
    var seen: [UInt8] = []

    init(terminal: Int32, typed: [UInt8]) {
        self.terminal = terminal
        self.typed = typed
    }

    static let type: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { pointer in
        guard let pointer else { return nil }
        let person = Unmanaged<Person>.fromOpaque(pointer).takeUnretainedValue()
        while !String(decoding: person.seen, as: UTF8.self).hasSuffix(": ") {
            var byte: UInt8 = 0
            guard read(person.terminal, &byte, 1) == 1 else { return nil }
            person.seen.append(byte)
        }
        _ = write(person.terminal, person.typed, person.typed.count)
        return nil
    }
}
