import FoundationEssentials
import MusterCore
import MusterYAML

/// `config.yaml`: where the coordinator is and who works with it.
///
///     server: https://muster.example:8443
///     ca: ca.pem                  # Muster's CA; paths are taken from this file's folder
///     token_file: token
///     key_file: operator.key      # for approvals; made by "muster operator keygen"
///     name: ana                   # as the hosts' policy lists the key
struct Configuration {
    var server: String?
    var ca: String?
    var tokenFile: String?
    var keyFile: String?
    var name: String?

    /// `MUSTER_CONFIG`, else `muster` in `XDG_CONFIG_HOME` or `~/.config`.
    static var folder: String {
        if let folder = Files.environment("MUSTER_CONFIG") { return Files.absolute(folder) }
        if let folder = Files.environment("XDG_CONFIG_HOME") { return "\(folder)/muster" }
        return "\(Files.environment("HOME") ?? "/root")/.config/muster"
    }

    private static var path: String { "\(folder)/config.yaml" }

    /// Reads the file; everything is nil when there is none.
    static func read() throws(CLIError) -> Configuration {
        var configuration = Configuration()
        guard Files.exists(path) else { return configuration }
        let bytes = try Files.read(path)
        do {
            let document = try YAMLReader.read(bytes, name: path)
            var reader = try DocumentReader(document.root, in: path, expecting: "the configuration of muster")
            configuration.server = try reader.string("server")
            configuration.ca = try reader.string("ca").map { Files.absolute($0, in: folder) }
            configuration.tokenFile = try reader.string("token_file").map { Files.absolute($0, in: folder) }
            configuration.keyFile = try reader.string("key_file").map { Files.absolute($0, in: folder) }
            configuration.name = try reader.string("name")
            try reader.finish()
        } catch { throw CLIError(.usage, "the configuration can't be used", cause: error) }
        return configuration
    }

    /// Writes the file, which only its owner can read.
    func write() throws(CLIError) {
        let entries = [
            ("server", server), ("ca", ca), ("token_file", tokenFile), ("key_file", keyFile), ("name", name),
        ]
        var text = ""
        for case (let key, let value?) in entries {
            text +=
                "\(key): '\(value.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''"))'\n"
        }
        try Files.makeFolder(Self.folder)
        try Files.write(Array(text.utf8), to: Self.path, mode: 0o600)
    }
}
