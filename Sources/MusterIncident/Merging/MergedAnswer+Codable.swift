import MusterCore

/// In JSON one key, the probe's name, over the merged value.
extension MergedAnswer: Codable {
    private enum Key: String, CodingKey, CaseIterable {
        case logs
        case requests
        case metrics
        case anomalies
        case processes
        case sockets
        case dependencies
        case changes
        case facts
        case sql
        case ledger
        case dryRun
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        guard let key = container.allKeys.first, container.allKeys.count == 1 else {
            throw DecodingError.dataCorrupted(
                DecodingError.Context(
                    codingPath: decoder.codingPath,
                    debugDescription:
                        "expected one of \(Key.allCases.map(\.rawValue).joined(separator: ", "))"
                )
            )
        }
        switch key {
        case .logs: self = .logs(try container.decode(MergedLogs.self, forKey: key))
        case .requests: self = .requests(try container.decode(MergedRequests.self, forKey: key))
        case .metrics: self = .metrics(try container.decode(MergedRows<MetricSeries>.self, forKey: key))
        case .anomalies: self = .anomalies(try container.decode(MergedRows<SeriesAnomaly>.self, forKey: key))
        case .processes: self = .processes(try container.decode(MergedRows<ProcessRow>.self, forKey: key))
        case .sockets: self = .sockets(try container.decode(MergedSockets.self, forKey: key))
        case .dependencies: self = .dependencies(try container.decode(MergedDependencies.self, forKey: key))
        case .changes: self = .changes(try container.decode(MergedChanges.self, forKey: key))
        case .facts: self = .facts(try container.decode(MergedFacts.self, forKey: key))
        case .sql: self = .sql(try container.decode(MergedRows<SQLAnswer>.self, forKey: key))
        case .ledger: self = .ledger(try container.decode(MergedRows<ActionReport>.self, forKey: key))
        case .dryRun: self = .dryRun(try container.decode(MergedRows<PlanTrial>.self, forKey: key))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        switch self {
        case .logs(let value): try container.encode(value, forKey: .logs)
        case .requests(let value): try container.encode(value, forKey: .requests)
        case .metrics(let value): try container.encode(value, forKey: .metrics)
        case .anomalies(let value): try container.encode(value, forKey: .anomalies)
        case .processes(let value): try container.encode(value, forKey: .processes)
        case .sockets(let value): try container.encode(value, forKey: .sockets)
        case .dependencies(let value): try container.encode(value, forKey: .dependencies)
        case .changes(let value): try container.encode(value, forKey: .changes)
        case .facts(let value): try container.encode(value, forKey: .facts)
        case .sql(let value): try container.encode(value, forKey: .sql)
        case .ledger(let value): try container.encode(value, forKey: .ledger)
        case .dryRun(let value): try container.encode(value, forKey: .dryRun)
        }
    }
}
