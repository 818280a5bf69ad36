import MusterCore
import MusterIncident

/// Merged answers as text for people.
enum AnswerText {
    /// Prints an answer; of log lines at most so many, chosen as the question's order says.
    static func print(_ answer: MergedAnswer, lines: Int, order: LogOrder) {
        switch answer {
        case .logs(let logs): print(logs, lines: lines, order: order)
        case .requests(let requests): print(requests)
        case .metrics(let metrics): print(metrics)
        case .anomalies(let anomalies): print(anomalies)
        case .processes(let processes): print(processes)
        case .sockets(let sockets): print(sockets)
        case .dependencies(let dependencies): print(dependencies)
        case .changes(let changes): print(changes)
        case .facts(let facts): print(facts)
        case .sql(let rows):
            var table = Table("HOST", "TARGET", "VALUE")
            for row in rows.rows { table.add(row.host.name, row.row.target, row.row.value ?? "NULL") }
            table.print()
        case .dryRun(let rows):
            var table = Table("HOST", "WOULD", "REFUSAL")
            for row in rows.rows { table.add(row.host.name, row.row.action, row.row.refusal) }
            table.print()
        case .ledger(let rows):
            var table = Table("HOST", "AT (UTC)", "STATE", "TICKET", "REASON")
            for row in rows.rows {
                table.add(
                    row.host.name,
                    Words.time(row.row.at),
                    row.row.state.rawValue,
                    row.row.ticket.description,
                    row.row.reason
                )
            }
            table.print()
        }
    }

    private static func print(_ requests: MergedRequests) {
        var table = Table(
            "SERVICE",
            "ENDPOINT",
            ">REQUESTS",
            ">ERRORS",
            ">SHARE",
            ">P50",
            ">P99",
            ">USERS",
            ">HURT"
        )
        for endpoint in requests.endpoints {
            let total = endpoint.total
            table.add(
                total.service,
                "\(total.method) \(total.path)",
                "\(total.count)",
                "\(total.errors)",
                Words.percent(total.count == 0 ? 0 : Double(total.errors) / Double(total.count)),
                Words.milliseconds(total.latency.quantile(0.5)),
                Words.milliseconds(total.latency.quantile(0.99)),
                total.users.isEmpty ? "-" : "\(Int(total.users.estimate.rounded()))",
                total.users.isEmpty ? "-" : "\(Int(total.usersFailed.estimate.rounded()))"
            )
        }
        table.print(orElse: "No requests were seen.")
        for endpoint in requests.endpoints where endpoint.total.errors > 0 {
            let parts = endpoint.hosts.map { "\($0.host.name) \($0.errors)/\($0.count)" }
            Terminal.out(
                Terminal.clean("errors of \(endpoint.total.path) by host: \(parts.joined(separator: ", "))")
            )
        }
        let clients = requests.clients.top.prefix(5).map { "\($0.network) \($0.errors)/\($0.count)" }
        if !clients.isEmpty {
            Terminal.out(Terminal.clean("errors by network of clients: \(clients.joined(separator: ", "))"))
        }
        for one in requests.sampled.prefix(20) {
            let window = "from \(one.sampled.window.from.timeOfDay) to \(one.sampled.window.to.timeOfDay)"
            Terminal.out(Terminal.clean("\(one.host.name) sampled 1 line in \(one.sampled.every) \(window)"))
        }
        let hasUsers = requests.endpoints.contains { !$0.total.users.isEmpty }
        if hasUsers, requests.usersCovered > 0, requests.usersCovered < 0.995 {
            Terminal.out("users were counted for \(Words.percent(requests.usersCovered)) of the requests")
        }
        if requests.stepSeconds > 1 {
            Terminal.out("counted in steps of \(requests.stepSeconds) s: the ends are off by half of it")
        }
        if requests.unparsed > 0 {
            Terminal.out("\(Words.count(requests.unparsed, "line")) of access logs not understood")
        }
    }

    private static func print(_ anomalies: MergedRows<SeriesAnomaly>) {
        var table = Table(
            "HOST",
            "SERIES",
            "SUBJECT",
            "",
            ">SCORE",
            "SINCE (UTC)",
            "UNTIL",
            ">WORST",
            ">NOW",
            ">USUAL"
        )
        for row in anomalies.rows.prefix(40) {
            let anomaly = row.row
            table.add(
                row.host.name,
                anomaly.name,
                anomaly.subject,
                anomaly.direction.rawValue,
                Words.number((anomaly.score * 10).rounded() / 10),
                Words.time(anomaly.onset),
                anomaly.ended.map { "\($0.timeOfDay) \(anomaly.state.rawValue)" } ?? "goes on",
                Words.number(anomaly.worst),
                Words.number(anomaly.latest),
                Words.number(anomaly.usual)
            )
        }
        table.print(orElse: "Nothing is or was unusual.")
        more(anomalies.rows.count, shown: 40, anomalies.dropped)
    }

    private static func print(_ metrics: MergedRows<MetricSeries>) {
        var table = Table("HOST", "SERIES", "SUBJECT", ">NOW", ">USUAL", ">SCORE", "CHANGED")
        for row in metrics.rows.prefix(40) {
            table.add(
                row.host.name,
                row.row.name,
                row.row.subject,
                row.row.values.last.map(Words.number) ?? "-",
                Words.number(row.row.baselineMedian),
                Words.number(row.row.score),
                row.row.onset?.timeOfDay ?? "-"
            )
        }
        table.print(orElse: "No such series.")
        more(metrics.rows.count, shown: 40, metrics.dropped)
    }

    private static func print(_ processes: MergedRows<ProcessRow>) {
        var table = Table("HOST", ">PID", "NAME", ">CPU", ">MEMORY", ">FILES", "STARTED", "COMMAND")
        for row in processes.rows.prefix(40) {
            table.add(
                row.host.name,
                "\(row.row.pid)",
                row.row.name,
                Words.percent(row.row.cpuRatio),
                Words.bytes(row.row.residentBytes),
                "\(row.row.openFiles)",
                Words.time(row.row.started),
                String(row.row.command.prefix(100))
            )
        }
        table.print(orElse: "No such process.")
        more(processes.rows.count, shown: 40, processes.dropped)
    }

    private static func print(_ sockets: MergedSockets) {
        var listening = Table("HOST", "LISTENS", "PROCESS", ">QUEUE")
        for row in sockets.listening {
            let limit = row.row.backlogMax > 0 ? "/\(row.row.backlogMax)" : ""
            let queue = "\(row.row.backlog)\(limit)"
            listening.add(row.host.name, "\(row.row.address):\(row.row.port)", row.row.process, queue)
        }
        listening.print()
        if !listening.isEmpty { Terminal.out() }
        var peers = Table("HOST", "PROCESS", "", "PEER", ">CONNECTIONS")
        for row in sockets.peers.prefix(40) {
            let peer = row.row
            peers.add(
                row.host.name,
                peer.process,
                peer.outgoing ? "->" : "<-",
                peer.outgoing
                    ? "\(peer.remoteAddress):\(peer.remotePort)"
                    : "\(peer.remoteAddress) on \(peer.localPort)",
                "\(peer.count)"
            )
        }
        peers.print()
        more(sockets.peers.count, shown: 40, sockets.dropped)
    }

    private static func print(_ dependencies: MergedDependencies) {
        var table = Table("DEPENDENCY", "KIND", "TARGET", "HOST", "STATE", ">CONNECT", ">TOTAL", "REASON")
        for dependency in dependencies.dependencies {
            for check in dependency.checks {
                table.add(
                    dependency.name,
                    dependency.kind,
                    dependency.target,
                    check.host.name,
                    check.row.healthy ? "healthy" : "ILL",
                    Words.milliseconds(check.row.connectMilliseconds),
                    Words.milliseconds(check.row.totalMilliseconds),
                    reason(check.row)
                )
            }
        }
        table.print(orElse: "No such dependency is configured.")
    }

    private static func reason(_ check: DependencyCheck) -> String {
        let values = check.values.sorted { $0.key < $1.key }.map { "\($0.key) \(Words.number($0.value))" }
        var parts = ([check.reason] + values).filter { !$0.isEmpty }
        if let expires = check.certificateExpires {
            parts.append("certificate until \(expires.description.prefix(10))")
        }
        return parts.joined(separator: ", ")
    }

    private static func print(_ changes: MergedChanges) {
        var table = Table("AT (UTC)", "CHANGE", "SERVICE", "HOSTS", "SUMMARY")
        for entry in changes.changes {
            table.add(
                Words.time(entry.change.at),
                entry.change.title,
                entry.change.service,
                Words.hosts(entry.seenOn),
                entry.change.summary
            )
        }
        table.print()
        if changes.changes.isEmpty { Terminal.out("No change noticed.") }
    }

    private static func print(_ facts: MergedFacts) {
        var table = Table("FACT", "VALUE", "HOSTS")
        for fact in facts.facts {
            for value in fact.values {
                table.add(fact.name, String(value.value.prefix(120)), Words.hosts(value.hosts, max: 4))
            }
        }
        table.print()
    }

    private static func more(_ count: Int, shown: Int, _ dropped: Int) {
        let rest = max(0, count - shown) + dropped
        if rest > 0 { Terminal.out("… and \(rest) more; --json has them") }
    }
}
