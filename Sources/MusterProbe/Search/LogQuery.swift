import MusterCore

/// What a search in log files looks for, and what it may cost.
package struct LogQuery: Sendable {
    package var window: TimeWindow
    /// Nil for any.
    package var level: LogLevel?
    /// Looked for as it is written, letters of either case equal; empty for any.
    package var text: String
    /// Empty for any; lines of no service belong to all.
    package var service: String
    package var refinement: LogRefinement
    /// Lines listed at most.
    package var rowsMax: Int
    /// Bytes of the listed lines at most.
    package var linesBytesMax: Int
    /// Bytes read at most, the newest.
    package var bytesMax: Int
    /// Supplies the year to times that leave it out.
    package var now: Timestamp

    package init(
        window: TimeWindow,
        level: LogLevel? = nil,
        text: String = "",
        service: String = "",
        refinement: LogRefinement = LogRefinement(),
        rowsMax: Int = 10_000,
        linesBytesMax: Int = 8 << 20,
        bytesMax: Int = 1 << 30,
        now: Timestamp
    ) {
        self.window = window
        self.level = level
        self.text = text
        self.service = service
        self.refinement = refinement
        self.rowsMax = rowsMax
        self.linesBytesMax = linesBytesMax
        self.bytesMax = bytesMax
        self.now = now
    }
}
