import Glibc
import MusterCore

/// Observes one host: records continuously, answers questions about it, and reaches its databases.
///
/// One thread calls ``tick(now:)`` about once a second; everything else may be called from several threads, which it
/// blocks.
package final class HostObserver: Sendable {
    let configuration: ObservationConfiguration
    let reader: HostReader
    let metrics: MetricsRecorder
    /// Nil when no endpoint is configured.
    let prometheus: PrometheusScraper?
    let logs: LogRecorder
    let changes: ChangeRecorder
    let anomalies = AnomalyRecorder()
    let dependencies: DependencyBoard
    private let lines = LineRate()

    /// Prepares the host; nothing is read or connected before the first tick.
    ///
    /// `name` is the host's name among people; `files` is the host itself, or a recorded one. `logCPURatioMax` is the
    /// share of one CPU that following logs may take before lines are sampled.
    package init(
        configuration: ObservationConfiguration,
        name: String,
        files: HostFiles = HostFiles(),
        logCPURatioMax: Double = 0.25,
        connector: @escaping DatabaseConnector = PostgresWatcher.connector
    ) {
        self.configuration = configuration
        reader = HostReader(files: files)
        metrics = MetricsRecorder(reader: reader, configuration: configuration.recorder)
        prometheus =
            configuration.prometheus.isEmpty ? nil : PrometheusScraper(targets: configuration.prometheus)
        logs = LogRecorder(
            files: configuration.logs,
            host: files,
            zoneOffsetSeconds: Self.zoneOffsetSeconds,
            cpuRatioMax: logCPURatioMax,
            journal: configuration.journal,
            discovers: configuration.discoversLogs,
            scratch: configuration.recorder.folder ?? "/tmp"
        )
        changes = ChangeRecorder(
            files: files,
            host: name,
            markers: configuration.deployMarkers,
            watch: configuration.watch,
            zoneOffsetSeconds: Self.zoneOffsetSeconds
        )
        dependencies = DependencyBoard(
            targets: configuration.dependencies,
            connector: connector,
            clock: { WallMoment.now }
        )
    }

    /// Names of the probes it answers.
    package var capabilities: [String] {
        [
            "logs", "requests", "metrics", "anomalies", "processes", "sockets", "dependencies", "changes",
            "facts", "sql",
        ]
    }

    /// Log lines that were not looked at, to stay within the budget, since the start.
    package var linesDropped: UInt64 { logs.linesDropped }

    /// One log line in so many is looked at now; 1 when all are.
    package var linesSampledEvery: Int { logs.linesSampledEvery }

    /// Looks once at everything that is recorded continuously.
    package func tick(now: Timestamp) {
        // Only starts checks: a dependency that hangs must not stop the clock of the others.
        dependencies.tick()
        prometheus?.tick()
        var others = prometheus?.take() ?? [:]
        if let rate = lines.rate(of: logs) { others[MetricKey("log_lines_per_second")] = rate }
        metrics.tick(now: now, with: others)
        changes.tick(now: now, processes: metrics.takeProcesses())
        logs.tick(now: now)
        if let means = metrics.takeMeans() { anomalies.take(means) }
        anomalies.take(logs, now: now)
    }

    /// How the host is, in short, as of the last ten seconds.
    package func health() -> HealthDigest? { anomalies.digest }

    /// What the host is.
    package func facts() -> HostFacts { reader.facts() }

    /// Services that run here, with the version of their newest deploy marker, else without.
    package func services() -> [(name: String, version: String)] {
        let versions = changes.versions
        return Set(configuration.services).union(versions.keys).sorted().map { ($0, versions[$0] ?? "") }
    }

    /// Runs a statement once with the acting role of a database; see ``PostgresWatcher/act(statement:timeout:)``.
    package func act(target: String, statement: String, timeout: Duration) throws(ProbeError) -> Int {
        let watcher = try dependencies.database(target)
        // Whatever the statement did, to our own sessions too, is looked at at once.
        defer { dependencies.refresh(target) }
        return try watcher.act(statement: statement, timeout: timeout)
    }

    /// Runs one SELECT with the looking role of a database.
    package func look(
        target: String,
        statement: String,
        settings: [String],
        timeout: Duration
    ) throws(ProbeError) -> SQLAnswer {
        try dependencies.database(target).check(statement: statement, settings: settings, timeout: timeout)
    }

    /// How far the host's local time is ahead of UTC, for log lines that name no zone.
    private static var zoneOffsetSeconds: Int {
        var now = time(nil)
        var local = tm()
        guard localtime_r(&now, &local) != nil else { return 0 }
        return local.tm_gmtoff
    }
}
