/// What a statement brought.
package struct PostgresResult: Hashable, Sendable {
    /// Names of the columns, in order; empty for a statement that returns no rows.
    package var columns: [String]
    /// Values as text, in the order of the columns; nil is SQL's NULL.
    package var rows: [[String?]]
    /// Rows returned or changed, as the server counted them; also those left out of `rows`.
    package var affected: Int
    /// Rows left out because of the limits.
    package var rowsDropped: Int

    package init(columns: [String] = [], rows: [[String?]] = [], affected: Int = 0, rowsDropped: Int = 0) {
        self.columns = columns
        self.rows = rows
        self.affected = affected
        self.rowsDropped = rowsDropped
    }
}
