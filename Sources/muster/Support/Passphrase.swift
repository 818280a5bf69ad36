import ArgumentParser
import Glibc
import MusterIdentity

/// How a key that has a passphrase is unlocked.
struct UnlockingOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "File or pipe with the passphrase of the key; else you are asked for it.",
            valueName: "file"
        )
    )
    var passphraseFile: String?

    /// What unlocks a key: from the option, the file that MUSTER_PASSPHRASE_FILE names, or the terminal.
    func passphrase(of path: String) throws(CLIError) -> Passphrase {
        if let file = passphraseFile ?? Files.environment("MUSTER_PASSPHRASE_FILE") {
            return try Passphrase(file: file)
        }
        guard let typed = try Passphrase.ask("Passphrase of \(path): ") else {
            throw CLIError(
                .usage,
                "\(path) has a passphrase, and there is no terminal to ask for it; give --passphrase-file"
            )
        }
        return typed
    }
}

/// How a new key is protected.
struct NewPassphraseOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "File or pipe with the passphrase; else you are asked for it twice.",
            valueName: "file"
        )
    )
    var passphraseFile: String?

    @Flag(help: "Protect the key by nothing but the mode of its file.")
    var noPassphrase = false

    func validate() throws {
        guard passphraseFile == nil || !noPassphrase else {
            throw ValidationError("--passphrase-file and --no-passphrase exclude each other")
        }
    }

    /// Nil when there shall be none.
    func passphrase(for path: String) throws(CLIError) -> Passphrase? {
        noPassphrase ? nil : try Passphrase.new(for: path, file: passphraseFile)
    }
}

/// What a private key is encrypted with.
///
/// It comes from a terminal, a file or a pipe; never from an argument or a variable, which others can see.
struct Passphrase {
    /// How often a person may type it.
    static let triesMax = 3
    /// Shortest that is taken for a new key.
    static let lengthMin = 8

    let bytes: [UInt8]
    /// Whether a person typed it, who may try again.
    let isTyped: Bool

    /// Reads the first line of a file that only its owner can read.
    init(file: String) throws(CLIError) {
        let all = try Files.readPrivate(file, max: 64 << 10)
        bytes = Array(all.prefix { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") })
        isTyped = false
        guard !bytes.isEmpty, bytes.count <= SigningKey.passphraseBytesMax else {
            throw CLIError(
                .failed,
                "the first line of \(file) is no passphrase: it has 1 to \(SigningKey.passphraseBytesMax) bytes"
            )
        }
    }

    private init(typed bytes: [UInt8]) {
        self.bytes = bytes
        isTyped = true
    }

    /// A passphrase for a new key, from a file or typed twice.
    static func new(for path: String, file: String?) throws(CLIError) -> Passphrase {
        if let file = file {
            let passphrase = try Passphrase(file: file)
            try passphrase.checkLength()
            return passphrase
        }
        guard let first = try ask("New passphrase for \(path): ") else {
            throw CLIError(
                .usage,
                "there is no terminal to ask for a passphrase; give --passphrase-file, or --no-passphrase to have none"
            )
        }
        try first.checkLength()
        guard let second = try ask("The same again: "), first.bytes == second.bytes else {
            throw CLIError(.failed, "the two passphrases differ; nothing was made")
        }
        return first
    }

    private func checkLength() throws(CLIError) {
        guard bytes.count >= Self.lengthMin else {
            throw CLIError(
                .failed,
                "a passphrase has at least \(Self.lengthMin) characters; nothing was made"
            )
        }
    }

    /// Asks on the terminal of this process; nil when it has none.
    static func ask(_ prompt: String) throws(CLIError) -> Passphrase? {
        let terminal = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY)
        guard terminal >= 0 else { return nil }
        defer { close(terminal) }
        return try ask(prompt, on: terminal)
    }

    /// Asks on a terminal, which shows nothing of what is typed.
    ///
    /// Backspace and Ctrl-U work; Ctrl-C and Ctrl-D end the program's asking, with the terminal as it was.
    static func ask(_ prompt: String, on terminal: Int32) throws(CLIError) -> Passphrase {
        var before = termios()
        guard tcgetattr(terminal, &before) == 0 else {
            throw CLIError(.failed, "can't ask for a passphrase: \(String(cString: strerror(errno)))")
        }
        var silent = before
        // Keys that would end or stop the program come as bytes: it must not leave the terminal silent.
        silent.c_lflag &= ~tcflag_t(ECHO | ICANON | ISIG)
        guard tcsetattr(terminal, TCSAFLUSH, &silent) == 0 else {
            throw CLIError(.failed, "can't ask for a passphrase: \(String(cString: strerror(errno)))")
        }
        defer {
            tcsetattr(terminal, TCSAFLUSH, &before)
            write("\n", to: terminal)
        }
        write(prompt, to: terminal)
        var bytes: [UInt8] = []
        while true {
            var byte: UInt8 = 0
            let count = read(terminal, &byte, 1)
            if count < 0, errno == EINTR { continue }
            guard count == 1 else { throw CLIError(.failed, "the terminal went away") }
            switch byte {
            case UInt8(ascii: "\n"), UInt8(ascii: "\r"): return Passphrase(typed: bytes)
            case 0x03, 0x04: throw CLIError(.failed, "no passphrase was given")
            case 0x08, 0x7F: dropCharacter(of: &bytes)
            case 0x15: bytes = []
            default: if bytes.count < SigningKey.passphraseBytesMax { bytes.append(byte) }
            }
        }
    }

    /// Takes the last character away, which may have several bytes.
    private static func dropCharacter(of bytes: inout [UInt8]) {
        while let last = bytes.popLast(), last & 0xC0 == 0x80 {}
    }

    private static func write(_ text: String, to terminal: Int32) {
        _ = Array(text.utf8).withUnsafeBytes { Glibc.write(terminal, $0.baseAddress, $0.count) }
    }
}
