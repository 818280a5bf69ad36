/// What a host answered; the case always matches the probe's.
package enum Answer: Sendable, Codable {
    case logs(LogsAnswer)
    case requests(RequestsAnswer)
    case metrics(MetricsAnswer)
    case anomalies(AnomaliesAnswer)
    case processes(ProcessesAnswer)
    case sockets(SocketsAnswer)
    case dependencies(DependenciesAnswer)
    case changes(ChangesAnswer)
    case facts(FactsAnswer)
    case sql(SQLAnswer)
    case ledger(LedgerAnswer)
    case dryRun(PlanTrial)
}

/// Log lines found.
package struct LogsAnswer: Sendable, Codable {
    /// Matching lines as the question's order chooses them, oldest first.
    package var lines: [LogLine] = []
    /// All matching lines by template, most frequent first.
    package var templates: [LogTemplateCount] = []
    /// All matching lines, also those not listed.
    package var matched = 0
    /// Lines looked at.
    package var scanned = 0
    package var summary = LogSummary()

    package init() {}
}

/// One log line, masked.
package struct LogLine: Hashable, Sendable, Codable {
    package var at: Timestamp
    package var file: String
    /// Byte offset of the line's start.
    package var offset: Int
    package var level: LogLevel?
    package var text: String
    package var service: String
    /// The lines before it in the file, oldest first, and those after it, masked; nil when none were asked for.
    ///
    /// Those after a line of trouble are its stack trace, when none were asked for and it has one.
    package var before: [String]?
    package var after: [String]?

    package init(at: Timestamp, file: String, offset: Int, level: LogLevel?, text: String, service: String) {
        self.at = at
        self.file = file
        self.offset = offset
        self.level = level
        self.text = text
        self.service = service
    }
}

/// Lines that differ only in their variable parts.
package struct LogTemplateCount: Hashable, Sendable, Codable {
    /// Variable parts as `<*>`.
    package var pattern: String
    package var level: LogLevel?
    package var service: String
    package var count: Int
    package var first: Timestamp
    package var last: Timestamp
    /// One whole line of it, masked.
    package var exemplar: String

    package init(
        pattern: String,
        level: LogLevel?,
        service: String,
        count: Int,
        first: Timestamp,
        last: Timestamp,
        exemplar: String
    ) {
        self.pattern = pattern
        self.level = level
        self.service = service
        self.count = count
        self.first = first
        self.last = last
        self.exemplar = exemplar
    }
}

/// Requests per endpoint.
package struct RequestsAnswer: Sendable, Codable {
    package var endpoints: [EndpointRequests] = []
    /// What the host has data for inside the window asked for.
    package var covered = TimeWindow(from: .zero, to: .zero)
    /// Lines of access logs that could not be understood.
    package var unparsed = 0
    /// Share of the counted requests whose users were counted too, 0 to 1; those sketches tell of at least so many.
    package var usersCovered = 0.0
    /// The coarsest step in which requests of this window are counted, in seconds; its ends are off by half of it.
    package var stepSeconds = 1
    /// When not every line was looked at; empty when all were.
    package var sampled: [SampledStretch] = []
    /// Networks that the requests came from, counted with the users.
    package var clients = FrequentClients()

    package init() {}
}

/// A time in which the host looked at one line of several only, and counted it for all of them.
package struct SampledStretch: Hashable, Sendable, Codable {
    package var window: TimeWindow
    /// The largest number of lines that one stood for.
    package var every: Int

    package init(window: TimeWindow, every: Int) {
        self.window = window
        self.every = every
    }
}

/// Requests to one endpoint of one service.
package struct EndpointRequests: Sendable, Codable {
    package var service: String
    package var method: String
    /// Identifiers collapsed: `/api/orders/:id`.
    package var path: String
    /// Whether a place of the path was learnt from traffic to hold names; no word alone tells it.
    package var isLearnt = false
    package var count = 0
    /// Status 5xx.
    package var errors = 0
    /// Status 4xx.
    package var clientErrors = 0
    /// Variance of the two counts by sampling; 0 when every line was looked at.
    package var countVariance = 0.0
    package var errorsVariance = 0.0
    /// Latency in milliseconds.
    package var latency = QuantileSketch()
    /// By class of status, lowest first.
    package var classes: [StatusClassRequests] = []
    package var users = DistinctSketch()
    /// Users who met at least one error.
    package var usersFailed = DistinctSketch()
    /// Oldest first.
    package var buckets: [RequestBucket] = []

    package init(service: String, method: String, path: String) {
        self.service = service
        self.method = method
        self.path = path
    }
}

/// Requests to one endpoint that ended alike.
package struct StatusClassRequests: Hashable, Sendable, Codable {
    /// First digit of the status, 1 to 5.
    package var statusClass: Int
    package var count: Int
    /// In milliseconds; empty when no latency is logged.
    package var latency: QuantileSketch

    package init(statusClass: Int, count: Int = 0, latency: QuantileSketch = QuantileSketch()) {
        self.statusClass = statusClass
        self.count = count
        self.latency = latency
    }
}

/// Counts of one bucket of time.
package struct RequestBucket: Hashable, Sendable, Codable {
    package var from: Timestamp
    package var count: Int
    package var errors: Int

    package init(from: Timestamp, count: Int, errors: Int) {
        self.from = from
        self.count = count
        self.errors = errors
    }
}

/// Metric series.
package struct MetricsAnswer: Sendable, Codable {
    package var series: [MetricSeries] = []
    package init() {}
}

/// One series of one host.
package struct MetricSeries: Sendable, Codable {
    /// With its unit: `cpu_busy_ratio`, `memory_available_bytes`.
    package var name: String
    /// A device or process; empty for the host.
    package var subject: String
    /// Oldest first, as many as `values`.
    package var at: [Timestamp] = []
    package var values: [Double] = []
    /// Of the points before the window.
    package var baselineMedian = 0.0
    package var baselineMAD = 0.0
    /// Robust z-score of the window against the baseline; 0 when nothing changed.
    package var score = 0.0
    /// When the change began; nil when nothing changed.
    package var onset: Timestamp?

    package init(name: String, subject: String) {
        self.name = name
        self.subject = subject
    }
}

/// Processes, most CPU first.
package struct ProcessesAnswer: Sendable, Codable {
    package var processes: [ProcessRow] = []
    /// All processes on the host.
    package var total = 0
    package init() {}
}

/// One process.
package struct ProcessRow: Sendable, Codable {
    package var pid: Int
    package var parent: Int
    package var name: String
    /// Masked.
    package var command: String
    /// State letter of `/proc/PID/stat`.
    package var state: String
    package var uid: Int
    /// Share of one CPU over the last sample interval.
    package var cpuRatio: Double
    package var residentBytes: Int
    package var threads: Int
    package var openFiles: Int
    package var started: Timestamp

    package init(
        pid: Int,
        parent: Int,
        name: String,
        command: String,
        state: String,
        uid: Int,
        cpuRatio: Double,
        residentBytes: Int,
        threads: Int,
        openFiles: Int,
        started: Timestamp
    ) {
        self.pid = pid
        self.parent = parent
        self.name = name
        self.command = command
        self.state = state
        self.uid = uid
        self.cpuRatio = cpuRatio
        self.residentBytes = residentBytes
        self.threads = threads
        self.openFiles = openFiles
        self.started = started
    }
}

/// Sockets.
package struct SocketsAnswer: Sendable, Codable {
    package var listening: [ListeningSocket] = []
    package var peers: [PeerCount] = []
    /// TCP connections by state name.
    package var states: [String: Int] = [:]
    /// Addresses of the host that connections use, without loopback.
    package var addresses: [String] = []
    package init() {}
}

/// A listening TCP socket.
package struct ListeningSocket: Hashable, Sendable, Codable {
    package var address: String
    package var port: Int
    /// 0 when the owner could not be seen.
    package var pid: Int
    package var process: String
    package var backlog: Int
    package var backlogMax: Int
    /// The systemd unit of the process, without `.service`; empty for none.
    package var service = ""

    package init(address: String, port: Int, pid: Int, process: String, backlog: Int, backlogMax: Int) {
        self.address = address
        self.port = port
        self.pid = pid
        self.process = process
        self.backlog = backlog
        self.backlogMax = backlogMax
    }
}

/// Connections between one local process and one remote endpoint.
package struct PeerCount: Hashable, Sendable, Codable {
    package var process: String
    package var remoteAddress: String
    /// 0 when the remote side is the client.
    package var remotePort: Int
    /// 0 when this host is the client.
    package var localPort: Int
    /// True when this host opened the connections.
    package var outgoing: Bool
    package var count: Int
    /// The systemd unit of the process, without `.service`; empty for none.
    package var service = ""

    package init(
        process: String,
        remoteAddress: String,
        remotePort: Int,
        localPort: Int,
        outgoing: Bool,
        count: Int
    ) {
        self.process = process
        self.remoteAddress = remoteAddress
        self.remotePort = remotePort
        self.localPort = localPort
        self.outgoing = outgoing
        self.count = count
    }
}

/// State of dependencies.
package struct DependenciesAnswer: Sendable, Codable {
    package var checks: [DependencyCheck] = []
    package init() {}
}

/// One dependency as this host sees it now.
package struct DependencyCheck: Sendable, Codable {
    package var name: String
    /// `tcp`, `http` or `postgres`.
    package var kind: String
    /// Without credentials.
    package var target: String
    package var healthy = false
    /// Why not.
    package var reason = ""
    /// Milliseconds since the start of the check; nil when the phase was not reached.
    package var dnsMilliseconds: Double?
    package var connectMilliseconds: Double?
    package var tlsMilliseconds: Double?
    package var firstByteMilliseconds: Double?
    package var totalMilliseconds = 0.0
    /// HTTP status; 0 when none.
    package var status = 0
    package var certificateExpires: Timestamp?
    /// What the dependency told of itself, as `connections_used_ratio`, and what is usual here, as `usual_active`.
    package var values: [String: Double] = [:]
    /// Since when it is as it is; nil when not known.
    package var since: Timestamp?
    /// Services of this host that need it.
    package var services: [String] = []

    package init(name: String, kind: String, target: String) {
        self.name = name
        self.kind = kind
        self.target = target
    }
}

/// Changes on the host.
package struct ChangesAnswer: Sendable, Codable {
    package var changes: [Change] = []
    package init() {}
}

/// Facts about the host; names are stable.
package struct FactsAnswer: Sendable, Codable {
    package var facts: [String: String] = [:]
    package init() {}
}

/// A scalar from a database.
package struct SQLAnswer: Sendable, Codable {
    package var target = ""
    /// First column of the first row as text; nil when there was none or it was NULL.
    package var value: String?
    /// Server settings asked for.
    package var settings: [String: String] = [:]
    /// The role that ran it.
    package var role = ""
    package init() {}
}

/// Ledger entries.
package struct LedgerAnswer: Sendable, Codable {
    package var entries: [ActionReport] = []
    package init() {}
}
