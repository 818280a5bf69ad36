import MusterCore

extension SignalCatalogue {
    /// Reads `signals.yaml`; what it defines is added to the built-in signals or takes their place.
    ///
    ///     signals:
    ///       - name: Connection pool utilization
    ///         question: dependency            # sql, dependency, requests or metric
    ///         kind: postgres                  # dependency: kind and name, either may be missing
    ///         value: connections_used_ratio   # dependency, requests and metric
    ///         unit: ratio                     # ratio, percent, milliseconds, seconds or count
    ///         cause: pool-exhausted           # the cause that it stands for; may be missing
    ///       - name: Replication lag
    ///         question: sql
    ///         target: orders                  # may be missing
    ///         statement: SELECT …
    ///         unit: seconds
    ///       - name: Checkout errors
    ///         question: requests
    ///         value: error_ratio              # error_ratio, p50, p95, p99 or rate
    ///         window: 30s
    ///         unit: ratio
    package init(document: Document) throws(DocumentError) {
        var reader = try DocumentReader(document.root, in: document.name, expecting: "a signals catalogue")
        var signals: [SignalDefinition] = []
        for node in try reader.list("signals") {
            signals.append(try SignalDefinition(node, in: document.name))
        }
        try reader.finish()
        self.init(adding: signals)
    }
}

extension SignalDefinition {
    fileprivate init(_ node: DocumentNode, in file: String) throws(DocumentError) {
        var reader = try DocumentReader(node, in: file, expecting: "a signal")
        let name = try reader.requiredString("name")
        let unit: Unit? = try reader.choice("unit")
        guard let unit else { throw reader.error(at: node.position, "missing key \"unit\"") }
        let cause: CauseKind? = try reader.choice("cause")
        let window = try reader.duration("window") ?? .seconds(30)
        let source: Source
        switch try reader.requiredString("question") {
        case "sql":
            source = .sql(
                statement: try reader.requiredString("statement"),
                target: try reader.string("target") ?? ""
            )
        case "dependency":
            source = .dependency(
                kind: try reader.string("kind") ?? "",
                name: try reader.string("dependency") ?? "",
                value: try reader.requiredString("value")
            )
        case "requests":
            let value: RequestValue? = try reader.choice("value")
            guard let value else { throw reader.error(at: node.position, "missing key \"value\"") }
            source = .requests(value, window: window)
        case "metric": source = .metric(name: try reader.requiredString("value"), window: window)
        case let other:
            throw reader.error(
                at: reader.position(of: "question"),
                "unknown question \"\(other)\"; expected one of sql, dependency, requests, metric"
            )
        }
        try reader.finish()
        self.init(name: name, source: source, unit: unit, cause: cause)
    }
}
