/// The agent's own version, as Hello and `--version` say it.
package enum AgentVersion {
    package static let text = "0.1.0"
}
