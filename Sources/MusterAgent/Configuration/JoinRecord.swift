import MusterCore

/// What a join leaves in the state folder beside key and certificates: where it joined and under which name.
///
/// With it the agent runs without any `agent.yaml`.
struct JoinRecord: Equatable {
    static let name = "joined"

    var coordinator: Endpoint
    var hostName: String

    /// Reads the record; nil when there is none.
    static func read(folder: String) throws(AgentError) -> JoinRecord? {
        guard let bytes = try SafeFile.read("\(folder)/\(name)", bytesMax: 4096) else { return nil }
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
        guard lines.count == 2, let coordinator = Endpoint(lines[0]) else {
            throw AgentError(
                .configuration,
                "\(folder)/\(name) is damaged: remove it and set coordinator in agent.yaml"
            )
        }
        return JoinRecord(coordinator: coordinator, hostName: lines[1])
    }

    /// Writes the record.
    func write(folder: String) throws(AgentError) {
        try SafeFile.write("\(folder)/\(Self.name)", Array("\(coordinator)\n\(hostName)\n".utf8), mode: 0o600)
    }
}
