/// One alert as any source told it, in one shape.
package struct Alert: Hashable, Sendable, Codable {
    package enum Status: String, Sendable, Codable {
        case firing
        case resolved
    }

    /// Name of the kind of sender, for example `alertmanager`.
    package var source: String
    /// Stable over the life of one alert at its source.
    package var fingerprint: String
    /// The rule: `HighErrorRate`.
    package var name: String
    package var status: Status
    package var starts: Timestamp
    /// Nil while firing.
    package var ends: Timestamp?
    package var labels: [String: String]
    package var annotations: [String: String]
    /// Key of the group it was sent with; empty when the source has none.
    package var groupKey: String
    /// Link to the source; shown, never fetched.
    package var link: String

    package init(
        source: String,
        fingerprint: String,
        name: String,
        status: Status,
        starts: Timestamp,
        ends: Timestamp?,
        labels: [String: String],
        annotations: [String: String],
        groupKey: String = "",
        link: String = ""
    ) {
        self.source = source
        self.fingerprint = fingerprint
        self.name = name
        self.status = status
        self.starts = starts
        self.ends = ends
        self.labels = labels
        self.annotations = annotations
        self.groupKey = groupKey
        self.link = link
    }

    /// The service it is about, from the labels people use for that; empty when none is there.
    package var service: String { labels["service"] ?? labels["job"] ?? labels["app"] ?? "" }

    /// The host it names, from `host` or the host part of `instance`; empty when none is there.
    package var host: String {
        if let host = labels["host"] { return host }
        guard let instance = labels["instance"] else { return "" }
        guard let colon = instance.lastIndex(of: ":") else { return instance }
        return String(instance[..<colon])
    }

    /// One line for people.
    package var summary: String {
        annotations["summary"] ?? annotations["description"] ?? annotations["message"] ?? name
    }
}
