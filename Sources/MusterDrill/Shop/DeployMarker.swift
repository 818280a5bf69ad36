import MusterCore

/// What a deploy tool leaves on a host for others to see: a small file of JSON per deploy.
package struct DeployMarker: Codable, Sendable {
    var service = "shop"
    var version: String
    var previous: String
    var by: String
    /// When the deploy began: what it breaks may show before it has ended.
    var at: Timestamp
    /// Number that people know it by; nil for a rollback.
    var number: String?
    var summary: String

    package init(version: String, previous: String, by: String, at: Timestamp, number: String?) {
        self.version = version
        self.previous = previous
        self.by = by
        self.at = at
        self.number = number
        self.summary = previous.isEmpty ? "shop \(version)" : "shop \(previous) -> \(version)"
    }

    /// Now, for whoever is about to deploy.
    package static var now: Timestamp { WallClock.now() }

    /// Writes it to a new file of a folder.
    package func write(in folder: String) throws(DrillError) {
        try Files.write(
            try JSONText.of(self, pretty: true) + "\n",
            to: "\(folder)/\(service)-\(version)-\(at.nanoseconds / 1_000_000).json"
        )
    }
}
