import ArgumentParser
import MusterCore

/// Options that every command has which talks to the coordinator.
struct ServerOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The coordinator, for example https://muster.example:8443.", valueName: "url"))
    var server: String?

    @Option(help: ArgumentHelp("Certificate of Muster's CA in PEM.", valueName: "file"))
    var ca: String?

    @Option(help: ArgumentHelp("File with your token.", valueName: "file"))
    var tokenFile: String?

    @Flag(help: "Print JSON for programs instead of text for people.")
    var json = false

    /// The coordinator that the options, the environment or the configuration name, in this order.
    func connect() throws(CLIError) -> Connection {
        let configuration = try Configuration.read()
        guard let server = server ?? Files.environment("MUSTER_SERVER") ?? configuration.server else {
            throw CLIError(.usage, "no coordinator is named; run \"muster login\" or give --server")
        }
        guard let tokenFile = tokenFile ?? Files.environment("MUSTER_TOKEN_FILE") ?? configuration.tokenFile
        else {
            throw CLIError(.usage, "no token is named; run \"muster login\" or give --token-file")
        }
        let token = String(decoding: try Files.readSecret(tokenFile), as: UTF8.self)
        return try Connection(
            server: server,
            ca: ca ?? Files.environment("MUSTER_CA") ?? configuration.ca,
            token: token.filter { !$0.isWhitespace }
        )
    }
}

extension Duration {
    /// Reads `15m` or `1h30m` of an option.
    init(option name: String, _ text: String) throws {
        guard let value = Duration(operatorText: text) else {
            throw ValidationError("--\(name) is a time span like 30s, 15m or 1h30m, found \"\(text)\"")
        }
        self = value
    }
}

extension Timestamp {
    /// Reads `2026-11-24T14:00:00Z`, or `2026-11-24 14:00` in UTC, of an option.
    init(option name: String, _ text: String) throws {
        let plain = text.replacingBlank + (text.utf8.count == 16 ? ":00Z" : "Z")
        guard let value = Timestamp(rfc3339: text) ?? Timestamp(rfc3339: plain) else {
            throw ValidationError(
                "--\(name) is a time like 2026-11-24T14:00:00Z or \"2026-11-24 14:00\" (UTC), found \"\(text)\""
            )
        }
        self = value
    }
}

extension String {
    /// With a `T` where dates and times have a blank between them.
    fileprivate var replacingBlank: String { String(map { $0 == " " ? "T" : $0 }) }
}
