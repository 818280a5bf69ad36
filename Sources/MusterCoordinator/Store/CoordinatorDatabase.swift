import GRDB

/// The one SQLite file of a coordinator.
///
/// Write-ahead log, and every commit synced: what was acknowledged survives a power cut.
package struct CoordinatorDatabase: Sendable {
    /// For the parts that keep tables of their own.
    package let pool: DatabasePool

    /// Opens the file, which is made when it is not there, and brings all tables up to date.
    ///
    /// - Parameters:
    ///   - path: Of the database file; its directory must exist.
    ///   - parts: The tables of each part, in order.
    /// - Throws: ``StoreError``, also when the file was written by a newer version.
    package init(path: String, parts: [(inout DatabaseMigrator) -> Void]) throws(StoreError) {
        do {
            var configuration = Configuration()
            configuration.label = "muster"
            configuration.busyMode = .timeout(5)
            configuration.maximumReaderCount = 4
            configuration.prepareDatabase { db in
                try db.execute(sql: "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON")
            }
            pool = try DatabasePool(path: path, configuration: configuration)
            var migrator = DatabaseMigrator()
            for part in parts { part(&migrator) }
            let known = Set(migrator.migrations)
            let strangers = try pool.read { db in try migrator.appliedIdentifiers(db) }.subtracting(known)
            guard strangers.isEmpty else {
                throw StoreError(
                    .failed,
                    "the database was written by a newer version of Muster "
                        + "(it has \(strangers.sorted().joined(separator: ", "))); install that version"
                )
            }
            try migrator.migrate(pool)
        } catch {
            throw StoreError("open the database \(path)", cause: error)
        }
    }
}
