import Glibc
import MusterCore
import MusterYAML

/// How the agent of a host works, as `agent.yaml` says.
package struct AgentConfiguration: Sendable {
    /// Where the coordinator is; nil when only the state folder knows (from joining).
    package var coordinator: Endpoint?
    /// Name for people; else the host's name.
    package var name: String
    /// Folder of key, certificates and ledger.
    package var state: String
    package var policy: String
    /// Ceilings of the agent itself; past them it sheds work.
    package var memoryBytesMax = 256 << 20
    /// Share of one CPU.
    package var cpuRatioMax = 0.5
    package var link = LinkEngine.Limits()

    package static let defaultFolder = "/etc/muster"
    package static let defaultState = "/var/lib/muster"

    /// The configuration of a host without `agent.yaml`.
    package init(state: String = defaultState, policy: String = defaultFolder + "/policy.yaml") {
        self.name = Self.hostName()
        self.state = state
        self.policy = policy
    }

    /// Reads the keys of the agent itself; the caller reads those of the observer from the same reader, then
    /// calls `finish()`.
    ///
    ///     coordinator: muster.example.org:7443   # else where this host joined
    ///     name: web-1                            # else the host's name
    ///     state: /var/lib/muster                 # else that
    ///     policy: /etc/muster/policy.yaml        # else policy.yaml beside this file
    ///     memory_max: 256                        # MiB, 32 to 65536; else 256
    ///     cpu_max: 50                            # percent of one CPU, 1 to 800; else 50; half of it for logs, which
    ///                                            # are sampled when they cost more
    ///     reconnect_max: 120s                    # longest wait between attempts, 1s to 1h; else 120s
    package init(_ reader: inout DocumentReader, folder: String) throws(DocumentError) {
        self.init(policy: folder + "/policy.yaml")
        if let text = try reader.string("coordinator") {
            guard let endpoint = Endpoint(text) else {
                throw reader.error(
                    at: reader.position(of: "coordinator"),
                    "\"coordinator\" must be host:port, as in muster.example.org:7443, found \"\(text)\""
                )
            }
            coordinator = endpoint
        }
        if let text = try reader.string("name") {
            guard !text.isEmpty, text.utf8.count <= 253 else {
                throw reader.error(at: reader.position(of: "name"), "\"name\" must have 1 to 253 bytes")
            }
            name = text
        }
        state = try reader.path("state") ?? state
        policy = try reader.path("policy") ?? policy
        if let megabytes = try reader.int("memory_max", in: 32...65_536) { memoryBytesMax = megabytes << 20 }
        if let percent = try reader.int("cpu_max", in: 1...800) { cpuRatioMax = Double(percent) / 100 }
        if let wait = try reader.duration("reconnect_max") {
            guard wait >= .seconds(1), wait <= .seconds(3600) else {
                throw reader.error(
                    at: reader.position(of: "reconnect_max"),
                    "\"reconnect_max\" must be from 1s to 1h"
                )
            }
            link.backoffMax = wait
        }
    }

    /// Loads `agent.yaml`; `observe` reads the keys of the observer.
    ///
    /// `path` is the file, or the folder that holds it. A file that nobody named may be missing.
    package static func load<Observation>(
        path: String?,
        observe: (inout DocumentReader) throws(DocumentError) -> Observation
    ) throws(AgentError) -> (AgentConfiguration, Observation) {
        let file = Self.file(path, "agent.yaml")
        let bytes = try SafeFile.read(file, bytesMax: YAMLReader.bytesMax)
        if bytes == nil, path != nil {
            throw AgentError(.configuration, "\(file) is missing")
        }
        do throws(DocumentError) {
            let document = try YAMLReader.read(bytes ?? [], name: file)
            var reader = try DocumentReader(document.root, in: file, expecting: "the agent's configuration")
            let configuration = try AgentConfiguration(&reader, folder: SafeFile.folder(of: file))
            let observation = try observe(&reader)
            try reader.finish()
            return (configuration, observation)
        } catch {
            throw AgentError(.configuration, error.description, cause: error)
        }
    }

    /// The file that a `--config` or `--policy` means: itself, or `name` inside the folder.
    package static func file(_ path: String?, _ name: String) -> String {
        guard let path else { return "\(defaultFolder)/\(name)" }
        var status = stat()
        let isFolder = stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
        return isFolder ? "\(path)/\(name)" : path
    }

    private static func hostName() -> String {
        var buffer = [CChar](repeating: 0, count: 256)
        guard gethostname(&buffer, buffer.count - 1) == 0 else { return "unnamed" }
        let name = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return name.isEmpty ? "unnamed" : name
    }
}
