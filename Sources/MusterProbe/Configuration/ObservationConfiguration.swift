import MusterCore

/// What of a host is observed, as `agent.yaml` says.
package struct ObservationConfiguration: Sendable {
    /// Services that run here.
    package var services: [String] = []
    package var logs: [LogFileSettings] = []
    /// Whether log files are followed that processes have open, and those in /var/log.
    package var discoversLogs = false
    /// The journal that is read besides the log files; nil for none.
    package var journal: JournalPlace?
    package var watch: [ConfigWatcher.Input] = []
    /// Folder in which deploy tools leave their markers; nil for none.
    package var deployMarkers: String?
    package var dependencies: [DependencyTarget] = []
    /// Local Prometheus endpoints that are recorded too.
    package var prometheus: [PrometheusTarget] = []
    package var recorder = RecorderConfiguration()
    /// What is masked before anything leaves the host.
    package var masking = MaskRules.standard

    private static let entriesMax = 256
    private static let dependenciesMax = 64
    private static let prometheusMax = 16

    /// The observation of a host that nobody configured: the host itself, no logs, no dependencies.
    package init() {}

    /// Reads the observer's keys of `agent.yaml`; the caller calls `finish()`.
    ///
    ///     services: [shop]                       # what runs here; else what the deploy markers name
    ///     logs:                                  # else those that are found, see discover_logs
    ///       - path: /var/log/nginx/*.log         # a file or pattern
    ///         service: shop                      # else what the lines say, or nothing
    ///       - /var/log/syslog                    # a path alone does as well
    ///     discover_logs: true                    # also logs that processes write, and /var/log; else only without `logs`
    ///     journal: true                          # the system's journal, or a folder of journal files; else none
    ///     watch:                                 # config files; a path or pattern alone does as well
    ///       - { path: /etc/shop/*.conf, service: shop }
    ///     deploy_markers: /var/lib/shop/deploys  # folder with a JSON file for each deploy; else none
    ///     dependencies:
    ///       - name: shop-db                      # unique
    ///         kind: postgres                     # tcp, http or postgres
    ///         host: 10.0.0.5                     # a name, an address or the folder of a Unix socket
    ///         port: 5432                         # else 5432
    ///         database: shop
    ///         look: { user: muster_look, password_file: /etc/muster/look.password }  # needs pg_monitor
    ///         act: { user: muster_act, password_file: /etc/muster/act.password }     # else Muster only looks
    ///         tls: verify                        # prefer, require or verify (needs ca_file); else prefer
    ///         ca_file: /etc/muster/db-ca.pem
    ///         services: [shop]                   # who needs it; else all services of this host
    ///         timeout: 3s                        # of one check, 100ms to 30s; else 3s
    ///         every: 5s                          # 1s to 1h; else 5s for postgres and 15s for others
    ///       - { name: payments, kind: http, url: "https://pay.example.org/health", ca_file: /etc/pay-ca.pem }
    ///       - { name: cache, kind: tcp, host: 10.0.0.6, port: 6379 }
    ///     prometheus:                            # endpoints of this host whose metrics are recorded too; else none
    ///       - url: http://127.0.0.1:9100/metrics
    ///         service: node                      # what its series are told by; else host and port
    ///         every: 15s                         # 5s to 1h; else 15s
    ///         timeout: 3s                        # 100ms to 30s; else 3s
    ///         series_max: 300                    # 1 to 800; else 300
    ///         keep: [node_*]                     # names with * and ?; else all
    ///         drop: [node_scrape_*]              # else none
    ///         ca_file: /etc/muster/ca.pem        # of https; else the system's authorities
    ///     recorder:                              # what was measured, and how much of it is kept
    ///       folder: /var/lib/muster/recorder     # else `recorder` in the agent's state folder
    ///       memory_max: 6                        # MiB, 1 to 1024; else 6
    ///       disk_max: 256                        # MiB, 4 to 1048576; else 256
    ///     masking: { emails: false }             # see ``MaskRules``; else the usual secrets and addresses
    package init(_ reader: inout DocumentReader) throws(DocumentError) {
        services = try reader.strings("services")
        for node in try reader.entries("logs", max: Self.entriesMax) {
            let entry = try PathEntry(node, in: reader, what: "a log file")
            logs.append(LogFileSettings(path: entry.path, service: entry.service))
        }
        discoversLogs = try reader.bool("discover_logs") ?? logs.isEmpty
        if let word = try reader.string("journal"), word != "false" {
            guard word == "true" || word.hasPrefix("/"), !word.utf8.contains(0) else {
                throw reader.error(
                    at: reader.position(of: "journal"),
                    "\"journal\" must be true, false or the absolute path of a folder, found \"\(word)\""
                )
            }
            journal = word == "true" ? .system : .folder(word)
        }
        for node in try reader.entries("watch", max: Self.entriesMax) {
            let entry = try PathEntry(node, in: reader, what: "a watched file")
            watch.append(ConfigWatcher.Input(pattern: entry.path, service: entry.service))
        }
        deployMarkers = try reader.path("deploy_markers")
        if let path = deployMarkers, !path.hasPrefix("/") {
            throw reader.error(
                at: reader.position(of: "deploy_markers"),
                "\"deploy_markers\" must be an absolute path, found \"\(path)\""
            )
        }
        if let node = reader.node("masking") {
            var rules = try reader.reader(of: node, expecting: "what is masked")
            masking = try MaskRules(&rules)
            try rules.finish()
        }
        for node in try reader.entries("dependencies", max: Self.dependenciesMax) {
            let target = try DependencyTarget(node, in: reader, services: services)
            guard !dependencies.contains(where: { $0.name == target.name }) else {
                throw reader.error(at: node.position, "there are two dependencies \"\(target.name)\"")
            }
            dependencies.append(target)
        }
        for node in try reader.entries("prometheus", max: Self.prometheusMax) {
            let target = try PrometheusTarget(node, in: reader)
            guard !prometheus.contains(where: { $0.name == target.name }) else {
                throw reader.error(
                    at: node.position,
                    "there are two endpoints \"\(target.name)\"; give one of them another \"service\""
                )
            }
            prometheus.append(target)
        }
        if let node = reader.node("recorder") { recorder = try RecorderConfiguration(node, in: reader) }
    }

    /// Files with passwords, which must be there and private.
    package var passwordFiles: [String] {
        dependencies.flatMap { target -> [String] in
            guard case .postgres(let endpoint) = target.kind else { return [] }
            return [endpoint.look.passwordFile, endpoint.act?.passwordFile].compactMap { $0 }
        }
    }
}

/// A path alone, or a path with the service that it belongs to.
private struct PathEntry {
    let path: String
    let service: String

    init(_ node: DocumentNode, in outer: DocumentReader, what: String) throws(DocumentError) {
        if case .scalar(let text, _) = node.value {
            path = text
            service = ""
        } else {
            var reader = try outer.reader(of: node, expecting: what)
            path = try reader.requiredString("path")
            service = try reader.string("service") ?? ""
            try reader.finish()
        }
        guard path.hasPrefix("/"), !path.utf8.contains(0) else {
            throw outer.error(at: node.position, "expected an absolute path of \(what), found \"\(path)\"")
        }
    }
}

extension DocumentReader {
    /// A list of at most `max` entries.
    fileprivate mutating func entries(_ key: String, max: Int) throws(DocumentError) -> [DocumentNode] {
        let nodes = try list(key)
        guard nodes.count <= max else {
            throw error(at: position(of: key), "\"\(key)\" has at most \(max) entries, found \(nodes.count)")
        }
        return nodes
    }

    /// A reader of a mapping inside this one.
    func reader(of node: DocumentNode, expecting what: String) throws(DocumentError) -> DocumentReader {
        // Errors know the name of the file; nothing else tells it.
        try DocumentReader(node, in: error(at: position, "").file, expecting: what)
    }
}
