/// What the command line asks for.
///
/// Read by hand: the usual parser brings all of Foundation, ten times the rest of the agent.
package enum AgentCommand: Equatable, Sendable {
    case help
    case version
    case join(Join)
    case run(config: String?, state: String?)
    case checkPolicy(path: String?, state: String?)
    case showLedger(state: String?)
    case acceptLedger(state: String?, reason: String)
    case markDeploy(DeployMark)
    case freeze(state: String?, reason: String)
    case unfreeze(state: String?)

    /// `muster-agent join`.
    package struct Join: Equatable, Sendable {
        package var coordinator: String?
        /// Path of a file; a hyphen stands for standard input.
        ///
        /// Never the token itself: arguments can be seen by everybody.
        package var tokenFile: String
        package var name: String?
        package var state: String?
        package var config: String?
    }

    /// `muster-agent mark deploy`.
    package struct DeployMark: Equatable, Sendable {
        package var config: String?
        /// As a deploy marker holds them.
        package var fields: [String: String]

        /// Fields by their option, in the order in which a marker tells them.
        package static let options = [
            ("--service", "service"), ("--version", "version"), ("--previous", "previous"), ("--by", "by"),
            ("--number", "number"), ("--summary", "summary"),
        ]
    }

    package static let helpText = """
        muster-agent: answers the coordinator's questions about this host, and does what its policy allows.

        USAGE
          muster-agent join --coordinator HOST[:7443] --token-file FILE [--name NAME] [--state DIR] [--config PATH]
              Makes this host's key and gets it a certificate. FILE holds a token of "muster token create";
              - reads it from standard input. With --config the coordinator may stand in agent.yaml.
          muster-agent run [--config PATH] [--state DIR]
              Runs until TERM or INT. HUP tells in the log what the policy now says.
          muster-agent policy check [--policy PATH] [--state DIR]
              Says whether the policy is safe and understood, what it allows, and who may approve.
          muster-agent ledger show [--state DIR]
              Tells what was done on this host, and whether the ledger can be used.
          muster-agent ledger accept --reason TEXT [--state DIR]
              For root, with the agent stopped: moves a ledger that can't be used aside and begins a new one.
              Plans from before that moment are refused from then on.
          muster-agent freeze [--reason TEXT] [--state DIR]
              For root: from now on nothing runs on this host that no person approved, whatever the coordinator says.
              What was done is still verified, and taken back where it must be. A running agent knows it at once.
          muster-agent unfreeze [--state DIR]
              For root: lifts that again. What the coordinator froze stays frozen.
          muster-agent mark deploy --service NAME --version VERSION [--previous VERSION] [--by WHO] [--number N]
                                   [--summary TEXT] [--config PATH]
              Tells the agent of a deploy: leaves a marker in the folder deploy_markers of agent.yaml.
          muster-agent --version | --help

        PATH is a file, or the folder that holds agent.yaml or policy.yaml; else /etc/muster.
        DIR holds key, certificate and action ledger; else /var/lib/muster.

        EXAMPLES
          muster-agent join --coordinator muster.example.org:7443 --token-file /root/token
          muster token create --uses 1 --ttl 1h | ssh web-1 muster-agent join --coordinator muster:7443 --token-file -
          muster-agent run --config /etc/muster --state /var/lib/muster
          muster-agent policy check
          muster-agent ledger accept --reason "disk replaced, state restored; looked at shop and db by hand"
          muster-agent freeze --reason "restoring the database by hand"
          muster-agent mark deploy --service shop --version 4521 --previous 4520 --by "$USER"

        EXIT CODES
          0 done, 1 failed, 3 refused by the coordinator, 64 usage, 69 coordinator not reachable
        """

    /// Reads the arguments after the program's name.
    package init(_ arguments: [String]) throws(AgentError) {
        var reader = ArgumentReader(arguments)
        if reader.isAtEnd {
            throw AgentError(
                .usage,
                """
                a command is missing: join, run, policy check, ledger show, ledger accept, freeze, unfreeze or mark \
                deploy (see --help)
                """
            )
        }
        // Of any command, wherever it stands.
        if arguments.contains("--help") || reader.takeFlag(["--help", "-h", "help"]) {
            self = .help
        } else if reader.takeFlag(["--version"]) {
            self = .version
        } else if reader.takeWord("join") {
            if reader.takeFlag(["--help", "-h"]) {
                self = .help
                return
            }
            let options = try reader.options([
                "--coordinator", "--token-file", "--name", "--state", "--config",
            ])
            guard let tokenFile = options["--token-file"] else {
                throw AgentError(.usage, "join needs --token-file FILE (- for standard input)")
            }
            guard options["--coordinator"] != nil || options["--config"] != nil else {
                throw AgentError(
                    .usage,
                    "join needs --coordinator HOST:7443, or --config with one in agent.yaml"
                )
            }
            self = .join(
                Join(
                    coordinator: options["--coordinator"],
                    tokenFile: tokenFile,
                    name: options["--name"],
                    state: options["--state"],
                    config: options["--config"]
                )
            )
        } else if reader.takeWord("run") {
            if reader.takeFlag(["--help", "-h"]) {
                self = .help
                return
            }
            let options = try reader.options(["--config", "--state"])
            self = .run(config: options["--config"], state: options["--state"])
        } else if reader.takeWord("policy") {
            guard reader.takeWord("check") else {
                throw AgentError(.usage, "the command is \"policy check\"")
            }
            let options = try reader.options(["--policy", "--state"])
            self = .checkPolicy(path: options["--policy"], state: options["--state"])
        } else if reader.takeWord("ledger") {
            if reader.takeFlag(["--help", "-h"]) {
                self = .help
            } else if reader.takeWord("show") {
                self = .showLedger(state: try reader.options(["--state"])["--state"])
            } else if reader.takeWord("accept") {
                let options = try reader.options(["--state", "--reason"])
                guard let reason = options["--reason"] else {
                    throw AgentError(
                        .usage,
                        "ledger accept needs --reason TEXT: what was looked at, and found"
                    )
                }
                self = .acceptLedger(state: options["--state"], reason: String(reason.prefix(512)))
            } else {
                throw AgentError(.usage, "the commands are \"ledger show\" and \"ledger accept\"")
            }
        } else if reader.takeWord("freeze") {
            if reader.takeFlag(["--help", "-h"]) {
                self = .help
                return
            }
            let options = try reader.options(["--state", "--reason"])
            self = .freeze(state: options["--state"], reason: options["--reason"] ?? "")
        } else if reader.takeWord("unfreeze") {
            if reader.takeFlag(["--help", "-h"]) {
                self = .help
                return
            }
            self = .unfreeze(state: try reader.options(["--state"])["--state"])
        } else if reader.takeWord("mark") {
            guard reader.takeWord("deploy") else {
                throw AgentError(.usage, "the command is \"mark deploy\"")
            }
            if reader.takeFlag(["--help", "-h"]) {
                self = .help
                return
            }
            var options = try reader.options(DeployMark.options.map(\.0) + ["--config"])
            let config = options.removeValue(forKey: "--config")
            for needed in ["--service", "--version"] where options[needed] == nil {
                throw AgentError(.usage, "mark deploy needs \(needed)")
            }
            var fields: [String: String] = [:]
            for (option, field) in DeployMark.options { fields[field] = options[option] }
            self = .markDeploy(DeployMark(config: config, fields: fields))
        } else {
            throw AgentError(.usage, "unknown command \"\(arguments[0].prefix(40))\" (see --help)")
        }
    }
}

/// Takes arguments one after the other.
private struct ArgumentReader {
    private var rest: ArraySlice<String>

    init(_ arguments: [String]) { rest = arguments[...] }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func takeFlag(_ names: [String]) -> Bool {
        guard let first = rest.first, names.contains(first) else { return false }
        rest = []
        return true
    }

    mutating func takeWord(_ word: String) -> Bool {
        guard rest.first == word else { return false }
        rest.removeFirst()
        return true
    }

    /// All that is left, as `--name value` or `--name=value`; each at most once.
    mutating func options(_ known: [String]) throws(AgentError) -> [String: String] {
        var options: [String: String] = [:]
        while let argument = rest.popFirst() {
            let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = String(parts[0])
            guard known.contains(name) else {
                throw AgentError(
                    .usage,
                    "unknown argument \"\(name.prefix(40))\"; expected one of \(known.joined(separator: ", "))"
                )
            }
            guard options[name] == nil else { throw AgentError(.usage, "\(name) is given twice") }
            guard let value = parts.count == 2 ? String(parts[1]) : rest.popFirst(), !value.isEmpty else {
                throw AgentError(.usage, "\(name) needs a value")
            }
            options[name] = value
        }
        return options
    }
}
