/// Log files to follow.
package struct LogFileSettings: Hashable, Sendable {
    /// A file, or a pattern such as `/var/log/nginx/*.log`.
    package var path: String
    /// What the lines are about; empty to take the lines' own word.
    package var service: String

    package init(path: String, service: String = "") {
        self.path = path
        self.service = service
    }
}
