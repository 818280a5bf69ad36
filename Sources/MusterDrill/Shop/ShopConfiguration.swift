import FoundationEssentials
import MusterPostgres

/// What one shop server is told at its start; a JSON file, refused when a key is missing.
package struct ShopConfiguration: Codable, Sendable {
    /// Host it pretends to be on, for its log lines.
    var host: String
    var address: String
    var port: Int
    /// Folder with `current` and `releases/`.
    var root: String
    var accessLog: String
    var accessLogFormat: AccessLogFormat
    var errorLog: String
    var pidFile: String
    /// Nil when the shop keeps nothing in a database.
    var database: Database?
    /// Folder on the data disk for receipts; nil when the shop writes none.
    var receipts: String?
    /// File with ``ShopSettings``; nil for the defaults.
    var settings: String?
    /// Faults that are there from the start, by name.
    var faults: [String]?
    /// What is asked for each payment before it is stored; nil when the shop asks nobody.
    var payments: Payments?

    /// An internal service that says whether a payment may be made.
    struct Payments: Codable, Sendable {
        var url: String
        /// Authority of its certificate; nil for plain HTTP.
        var caFile: String?
    }

    /// Where the shop's database is.
    struct Database: Codable, Sendable {
        var host: String
        var port: Int
        var user: String
        var name: String
        var passwordFile: String
        /// Whether each payment looks at what its customer bought before.
        var readsHistory: Bool?

        var target: PostgresTarget {
            PostgresTarget(host: host, port: port, user: user, database: name, passwordFile: passwordFile)
        }
    }

    /// Reads the file; the error names what is missing.
    package static func read(_ path: String) throws(DrillError) -> ShopConfiguration {
        let bytes = try Files.read(path)
        do {
            return try JSONDecoder().decode(ShopConfiguration.self, from: Data(bytes))
        } catch { throw DrillError(.usage, "\(path) is no configuration of a shop", cause: error) }
    }

    /// Writes the file.
    func write(to path: String) throws(DrillError) {
        try Files.write(try JSONText.of(self), to: path)
    }
}
