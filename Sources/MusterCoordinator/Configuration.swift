import MusterCause
import MusterCore
import MusterIdentity
import MusterIncident
import MusterYAML

/// How a coordinator behaves, from `coordinator.yaml`; every key may be missing.
package struct CoordinatorConfiguration: Sendable {
    /// A port of ours.
    package struct Listener: Hashable, Sendable {
        package var address: String
        /// 0 takes any free port.
        package var port: Int

        package init(address: String, port: Int) {
            self.address = address
            self.port = port
        }
    }

    /// Where agents dial in.
    package var agents = Listener(address: "0.0.0.0", port: 7443)
    /// HTTPS: API, webhooks, web pages.
    package var api = Listener(address: "0.0.0.0", port: 8443)
    /// Directory of the database, keys and certificates.
    package var state = "/var/lib/muster"
    package var runbooks = "/etc/muster/runbooks"
    package var teams = TeamCatalogue.empty
    package var signals = SignalCatalogue()
    /// Price of one failed request and of one minute of an incident; 0 for none.
    package var costPerFailedRequest = 0.0
    package var costPerMinute = 0.0
    package var currency = ""
    /// Where messages are posted as JSON; nil keeps them in the record only.
    package var webhook: String?
    /// Authorities that the webhook's certificate is checked by; nil for the system's.
    package var webhookCAFile: String?
    /// Public keys of approvers by name, 32 bytes of Ed25519; hosts check against their own policy in any case.
    package var approvers: [String: [UInt8]] = [:]
    /// The list that takes their place; it is read anew each time.
    package var approverList: ApproverListFile?
    /// How long a plan waits for a person.
    package var planLife = Duration.seconds(3600)
    /// How long a host may take up a ticket.
    package var ticketLife = Duration.seconds(300)
    /// How often each host is asked for its sockets, which the service map is made of.
    package var mapInterval = Duration.seconds(300)
    /// How often agents send a sign of life; after two of these without one they are gone.
    package var heartbeat = Duration.seconds(15)
    /// How long a certificate of an agent lasts; it renews at two thirds of it.
    package var certificateLife = Duration.seconds(7 * 86_400)
    /// How far back changes are looked for.
    package var changeWindow = Duration.seconds(3600)
    /// Least share of hosts that must have answered before Muster acts without a person.
    package var coverageMin = 0.8
    /// How good a runbook's own record must be before Muster acts without a person.
    package var runbookBar = RunbookBar()
    package var policy = IncidentPolicy()
    /// Largest size of all answers that are kept as evidence; those of the oldest incidents go first.
    package var evidenceBytesMax = 512 << 20

    /// How often an alert must be resolved within an hour to count as flapping.
    package var flapCycles = 3
    /// How what was learned is used.
    package var knowledge = KnowledgePolicy()
    /// Minutes that people need to find a cause without Muster, as they measured it; nil when they did not.
    package var manualMinutes: Double?

    package init() {}
}

extension CoordinatorConfiguration {
    /// Reads `coordinator.yaml`.
    ///
    ///     listen: { agents: 0.0.0.0:7443, api: 0.0.0.0:8443 }
    ///     state: /var/lib/muster
    ///     runbooks: /etc/muster/runbooks
    ///     teams: /etc/muster/teams.yaml          # else teams.yaml beside this file
    ///     signals: /etc/muster/signals.yaml      # else signals.yaml beside this file
    ///     cost_per_failed_request: 0.35          # in `currency`
    ///     cost_per_minute: 20
    ///     currency: EUR
    ///     notify: { webhook: "https://…", ca_file: /etc/ssl/… }
    ///     approvers: { sarah: "base64 of a public key" }
    ///     approver_root: "base64"                # instead of `approvers`: the key that signs the list of them
    ///     approver_list: /etc/muster/approvers.yaml   # else approvers.yaml beside this file
    ///     heartbeat: 15s                         # of agents, 1s to 60s; two without one, and the host is gone
    ///     map_interval: 5m                       # between two looks at a host's connections, 10s to 1h
    ///     certificate_life: 7d                   # of agents, 30s to 90d; they renew at two thirds of it
    ///     plan_life: 1h                          # how long a plan waits for a person
    ///     change_window: 1h                      # how far back changes are looked for
    ///     coverage_min: 0.8                      # 0 to 1
    ///     runbook_success_min: 0.8               # 0 to 1; least share of a runbook's runs that went well
    ///     runbook_runs_min: 3                    # 1 to 1000; runs before that counts
    ///     quiet_for: 30s                         # all alerts resolved for this long ends an incident
    ///     evidence_mib: 512                      # 64 to 65536; answers kept, those of the oldest incidents go first
    ///     flap_cycles: 3                         # 2 to 1000; resolved so often within an hour, an alert opens no new incident
    ///     knowledge_half_life: 180d              # 1d to 3650d; a confirmed cause counts half after this time
    ///     manual_minutes: 45                     # to find a cause without Muster; reports say what was saved against it
    ///     action_silence: 10m                    # 5s to 1d; a host that acts and says nothing for so long is lost
    ///
    /// `read` gives the bytes of a file that the configuration names; nil when it is not there.
    package init(
        document: Document,
        directory: String,
        read: (String) -> [UInt8]?
    ) throws(DocumentError) {
        self.init()
        var reader = try DocumentReader(document.root, in: document.name, expecting: "a configuration")
        if let node = reader.node("listen") {
            var listen = try DocumentReader(node, in: document.name, expecting: "the ports")
            if let listener = try listen.listener("agents") { agents = listener }
            if let listener = try listen.listener("api") { api = listener }
            try listen.finish()
        }
        state = try reader.string("state") ?? state
        runbooks = try reader.string("runbooks") ?? runbooks
        if let document = try reader.file("teams", else: "\(directory)/teams.yaml", read) {
            teams = try TeamCatalogue(document: document)
        }
        if let document = try reader.file("signals", else: "\(directory)/signals.yaml", read) {
            signals = try SignalCatalogue(document: document)
        }
        costPerFailedRequest = try reader.price("cost_per_failed_request") ?? 0
        costPerMinute = try reader.price("cost_per_minute") ?? 0
        currency = try reader.string("currency") ?? ""
        if let node = reader.node("notify") {
            var notify = try DocumentReader(node, in: document.name, expecting: "how to notify")
            webhook = try notify.string("webhook")
            webhookCAFile = try notify.string("ca_file")
            try notify.finish()
        }
        approvers = try reader.keys("approvers")
        let list = try reader.string("approver_list")
        if let root = try reader.key("approver_root") {
            guard approvers.isEmpty else {
                throw reader.error(
                    at: reader.position(of: "approvers"),
                    "\"approvers\" come from the list that \"approver_root\" signs; leave out one of the two"
                )
            }
            approverList = ApproverListFile(path: list ?? "\(directory)/approvers.yaml", root: root)
        } else if list != nil {
            throw reader.error(
                at: reader.position(of: "approver_list"),
                "\"approver_list\" needs \"approver_root\", the key that signs it"
            )
        }
        planLife = try reader.duration("plan_life") ?? planLife
        if let interval = try reader.duration("heartbeat") {
            guard (Duration.seconds(1)...(.seconds(60))).contains(interval) else {
                throw reader.error(at: reader.position(of: "heartbeat"), "\"heartbeat\" is from 1s to 60s")
            }
            heartbeat = interval
        }
        if let interval = try reader.duration("map_interval") {
            guard (Duration.seconds(10)...(.seconds(3600))).contains(interval) else {
                throw reader.error(
                    at: reader.position(of: "map_interval"),
                    "\"map_interval\" is from 10s to 1h"
                )
            }
            mapInterval = interval
        }
        if let life = try reader.duration("certificate_life") {
            guard (Duration.seconds(30)...(.seconds(90 * 86_400))).contains(life) else {
                throw reader.error(
                    at: reader.position(of: "certificate_life"),
                    "\"certificate_life\" is from 30s to 90d"
                )
            }
            certificateLife = life
        }
        changeWindow = try reader.duration("change_window") ?? changeWindow
        policy.quietFor = try reader.duration("quiet_for") ?? policy.quietFor
        if let silence = try reader.duration("action_silence") {
            guard (Duration.seconds(5)...(.seconds(86_400))).contains(silence) else {
                throw reader.error(
                    at: reader.position(of: "action_silence"),
                    "\"action_silence\" is from 5s to 1d"
                )
            }
            policy.silenceWhileRunning = silence
        }
        flapCycles = try reader.int("flap_cycles", in: 2...1000) ?? flapCycles
        if let life = try reader.duration("knowledge_half_life") {
            guard (Duration.seconds(86_400)...(.seconds(3650 * 86_400))).contains(life) else {
                throw reader.error(
                    at: reader.position(of: "knowledge_half_life"),
                    "\"knowledge_half_life\" is from 1d to 3650d"
                )
            }
            knowledge.halfLife = life
        }
        if let minutes = try reader.double("manual_minutes") {
            guard minutes > 0, minutes <= 10_000 else {
                throw reader.error(
                    at: reader.position(of: "manual_minutes"),
                    "\"manual_minutes\" is above 0, at most 10000"
                )
            }
            manualMinutes = minutes
        }
        if let size = try reader.int("evidence_mib", in: 64...65_536) { evidenceBytesMax = size << 20 }
        if let share = try reader.double("coverage_min") {
            guard (0...1).contains(share) else {
                throw reader.error(at: reader.position(of: "coverage_min"), "\"coverage_min\" is from 0 to 1")
            }
            coverageMin = share
        }
        if let share = try reader.double("runbook_success_min") {
            guard (0...1).contains(share) else {
                throw reader.error(
                    at: reader.position(of: "runbook_success_min"),
                    "\"runbook_success_min\" is from 0 to 1"
                )
            }
            runbookBar.successMin = share
        }
        if let runs = try reader.double("runbook_runs_min") {
            guard (1...1000).contains(runs), runs == runs.rounded() else {
                throw reader.error(
                    at: reader.position(of: "runbook_runs_min"),
                    "\"runbook_runs_min\" is a whole number from 1 to 1000"
                )
            }
            runbookBar.runsMin = Int(runs)
        }
        try reader.finish()
    }
}

extension DocumentReader {
    /// `0.0.0.0:7443`, `[::]:7443`, or only a port.
    fileprivate mutating func listener(
        _ key: String
    ) throws(DocumentError) -> CoordinatorConfiguration.Listener? {
        guard let text = try string(key) else { return nil }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        let host = parts.dropLast().joined(separator: ":")
        guard let last = parts.last, let port = Int(last), (0...65_535).contains(port) else {
            throw error(at: position(of: key), "\"\(key)\" must be address:port, such as 0.0.0.0:7443")
        }
        let address = host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
        return CoordinatorConfiguration.Listener(address: address.isEmpty ? "0.0.0.0" : address, port: port)
    }

    fileprivate mutating func price(_ key: String) throws(DocumentError) -> Double? {
        guard let value = try double(key) else { return nil }
        guard value >= 0 else { throw error(at: position(of: key), "\"\(key)\" must not be negative") }
        return value
    }

    /// A file that the key names, or the usual one; a named one must be there.
    fileprivate mutating func file(
        _ key: String,
        else usual: String,
        _ read: (String) -> [UInt8]?
    ) throws(DocumentError) -> Document? {
        let named = try string(key)
        guard let bytes = read(named ?? usual) else {
            guard let named else { return nil }
            throw error(at: position(of: key), "\"\(key)\": the file \(named) can't be read")
        }
        return try YAMLReader.read(bytes, name: named ?? usual)
    }

    /// An Ed25519 public key in base64; nil when it is not there.
    fileprivate mutating func key(_ key: String) throws(DocumentError) -> [UInt8]? {
        guard let text = try string(key) else { return nil }
        guard let bytes = Base64.bytes(text), bytes.count == 32 else {
            throw error(at: position(of: key), "\"\(key)\" must be the base64 of 32 bytes")
        }
        return bytes
    }

    /// Ed25519 public keys in base64, by name.
    fileprivate mutating func keys(_ key: String) throws(DocumentError) -> [String: [UInt8]] {
        var keys: [String: [UInt8]] = [:]
        for (name, text) in try map(key) {
            guard let bytes = Base64.bytes(text), bytes.count == 32 else {
                throw error(
                    at: position(of: key),
                    "\"\(key)\": the key of \(name) must be the base64 of 32 bytes"
                )
            }
            keys[name] = bytes
        }
        return keys
    }
}
