import MusterCore

/// Telemetry of an incident as files hold it: what agents would have told, before it is made a ``Symptom``.
package struct ChangeTelemetry: Sendable {
    package struct Alert: Sendable {
        package var service: String
        package var metric: String
        package var summary: String
        package var monitor: String
        package var at: Timestamp

        package init(service: String, metric: String, summary: String, monitor: String, at: Timestamp) {
            self.service = service
            self.metric = metric
            self.summary = summary
            self.monitor = monitor
            self.at = at
        }
    }

    package struct Series: Sendable {
        package var service: String
        package var metric: String
        /// In order of time.
        package var samples: [(at: Timestamp, value: Double)]

        package init(service: String, metric: String, samples: [(at: Timestamp, value: Double)]) {
            self.service = service
            self.metric = metric
            self.samples = samples
        }
    }

    package struct Line: Sendable {
        package var at: Timestamp
        package var service: String
        package var severity: String
        package var message: String
        package var attributes: [String: String]

        package init(
            at: Timestamp,
            service: String,
            severity: String,
            message: String,
            attributes: [String: String]
        ) {
            self.at = at
            self.service = service
            self.severity = severity.uppercased()
            self.message = message
            self.attributes = attributes
        }
    }

    package struct Span: Sendable {
        package var id: String
        package var parent: String?
        package var service: String
        package var name: String
        package var at: Timestamp
        package var milliseconds: Double
        package var isError: Bool
        /// What was said of an error, without what it was.
        package var errors: [String]
        package var attributes: [String: String]

        package init(
            id: String,
            parent: String?,
            service: String,
            name: String,
            at: Timestamp,
            milliseconds: Double,
            isError: Bool,
            errors: [String],
            attributes: [String: String]
        ) {
            self.id = id
            self.parent = parent
            self.service = service
            self.name = name
            self.at = at
            self.milliseconds = milliseconds
            self.isError = isError
            self.errors = errors
            self.attributes = attributes
        }
    }

    /// A log template with how often it came, and how much more often than before.
    package struct Pattern: Sendable {
        package var service: String
        package var template: String
        package var count: Double
        package var more: Double
        package var isTrouble: Bool

        package init(service: String, template: String, count: Double, more: Double, isTrouble: Bool) {
            self.service = service
            self.template = template
            self.count = count
            self.more = more
            self.isTrouble = isTrouble
        }
    }

    package var services: Set<String>
    package var alert: Alert
    package var series: [Series]
    package var lines: [Line]
    package var spans: [Span]
    package var patterns: [Pattern]

    package init(
        services: Set<String>,
        alert: Alert,
        series: [Series],
        lines: [Line],
        spans: [Span],
        patterns: [Pattern]
    ) {
        self.services = services
        self.alert = alert
        self.series = series
        self.lines = lines
        self.spans = spans
        self.patterns = patterns
    }
}
