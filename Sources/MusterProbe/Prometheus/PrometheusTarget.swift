import Glibc
import MusterCore

/// A local endpoint that Prometheus could scrape, and what of it is recorded.
package struct PrometheusTarget: Hashable, Sendable {
    package var url: String
    /// What its series are told apart by: the service, or host and port.
    package var name: String
    package var caFile: String?
    package var interval = Duration.seconds(15)
    package var timeout = Duration.seconds(3)
    /// Series that are recorded of it at most.
    package var seriesMax = 300
    /// Names of metrics that are recorded, with `*` and `?`; empty for all.
    package var keep: [String] = []
    /// Names of metrics that are not recorded, even when they are kept.
    package var drop: [String] = []

    /// Records everything of an endpoint.
    package init(url: String, name: String) {
        self.url = url
        self.name = name
    }

    /// Reads one entry of `prometheus` in `agent.yaml`; its keys stand at ``ObservationConfiguration``.
    init(_ node: DocumentNode, in outer: DocumentReader) throws(DocumentError) {
        var reader = try outer.reader(of: node, expecting: "a Prometheus endpoint")
        url = try reader.requiredString("url")
        guard url.hasPrefix("http://") || url.hasPrefix("https://") else {
            throw reader.error(at: reader.position(of: "url"), "\"url\" must begin with http:// or https://")
        }
        let place = url.split(separator: "/", maxSplits: 2).dropFirst().first.map(String.init) ?? url
        name = try reader.string("service") ?? place
        caFile = try reader.string("ca_file")
        interval = try Self.duration("every", in: &reader, .seconds(5), .seconds(3600)) ?? interval
        timeout = try Self.duration("timeout", in: &reader, .milliseconds(100), .seconds(30)) ?? timeout
        seriesMax = try reader.int("series_max", in: 1...800) ?? seriesMax
        keep = try reader.strings("keep")
        drop = try reader.strings("drop")
        try reader.finish()
    }

    private static func duration(
        _ key: String,
        in reader: inout DocumentReader,
        _ min: Duration,
        _ max: Duration
    ) throws(DocumentError) -> Duration? {
        guard let value = try reader.duration(key) else { return nil }
        guard value >= min, value <= max else {
            throw reader.error(
                at: reader.position(of: key),
                "\"\(key)\" must be from \(min.spoken) to \(max.spoken)"
            )
        }
        return value
    }

    /// Whether a metric of that name is recorded.
    func wants(_ name: String) -> Bool {
        (keep.isEmpty || keep.contains { fnmatch($0, name, 0) == 0 })
            && !drop.contains { fnmatch($0, name, 0) == 0 }
    }
}
