import MusterCore

/// A named measurement that runbooks may speak of: `Connection pool utilization`.
package struct SignalDefinition: Hashable, Sendable, Codable {
    /// How the value is got from the hosts.
    package enum Source: Hashable, Sendable, Codable {
        /// First value of a read-only statement.
        case sql(statement: String, target: String)
        /// A value that a dependency tells of itself; empty kind or name for any. The worst host counts.
        case dependency(kind: String, name: String, value: String)
        /// From the requests of the incident's service over the last `window`, merged over all hosts.
        case requests(RequestValue, window: Duration)
        /// A metric of the incident's hosts; the worst host counts.
        case metric(name: String, window: Duration)
    }

    /// What can be told of requests.
    package enum RequestValue: String, Sendable, Codable, CaseIterable {
        case errorRatio = "error_ratio"
        case p50
        case p95
        case p99
        case rate
    }

    /// What the number means.
    package enum Unit: String, Sendable, Codable, CaseIterable {
        /// 0 to 1, written as a percentage.
        case ratio
        /// 0 to 100.
        case percent
        case milliseconds
        case seconds
        case count
    }

    package var name: String
    package var source: Source
    package var unit: Unit
    /// The kind of cause that it stands for, when it stands for one.
    package var cause: CauseKind?

    package init(name: String, source: Source, unit: Unit, cause: CauseKind?) {
        self.name = name
        self.source = source
        self.unit = unit
        self.cause = cause
    }

    /// A measured number with its kind, so that it can be compared.
    package func value(_ measured: Double) -> ExpressionValue {
        switch unit {
        case .ratio: ExpressionValue(measured, .share)
        case .percent: ExpressionValue(measured / 100, .share)
        case .milliseconds: ExpressionValue(measured / 1000, .span)
        case .seconds: ExpressionValue(measured, .span)
        case .count: ExpressionValue(measured, .number)
        }
    }
}

/// All signals by name; letters of either case are equal.
package struct SignalCatalogue: Hashable, Sendable {
    private var signals: [String: SignalDefinition] = [:]

    /// The built-in signals, with others added or put in their place.
    package init(adding others: [SignalDefinition] = []) {
        for signal in Self.builtIn + others { signals[signal.name.lowercased()] = signal }
    }

    package subscript(name: String) -> SignalDefinition? { signals[name.lowercased()] }

    /// Names in order.
    package var names: [String] { signals.values.map(\.name).sorted() }

    private static let builtIn = [
        SignalDefinition(
            name: "Connection pool utilization",
            source: .dependency(kind: "postgres", name: "", value: "connections_used_ratio"),
            unit: .ratio,
            cause: .poolExhausted
        ),
        SignalDefinition(
            name: "Error ratio",
            source: .requests(.errorRatio, window: .seconds(10)),
            unit: .ratio,
            cause: nil
        ),
        SignalDefinition(
            name: "Latency p99",
            source: .requests(.p99, window: .seconds(10)),
            unit: .milliseconds,
            cause: nil
        ),
        SignalDefinition(
            name: "CPU busy",
            source: .metric(name: "cpu_busy_ratio", window: .seconds(10)),
            unit: .ratio,
            cause: .cpu
        ),
    ]
}
