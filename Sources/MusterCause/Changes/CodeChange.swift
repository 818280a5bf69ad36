import MusterCore

/// A change of code or configuration: a commit, or what was recorded of a deploy.
package struct CodeChange: Hashable, Sendable {
    /// Most that is read of a diff; the rest tells nothing.
    package static let diffBytesMax = 64 << 10
    package static let messageBytesMax = 4096
    package static let filesMax = 200
    /// Longer ones are no paths of a file system, and left out.
    private static let pathBytesMax = 4096

    /// Commit id, or another name that is the only one in its window.
    package var id: String
    package var message: String
    package var author: String
    package var at: Timestamp
    package var files: [String]
    /// Unified, with or without file headers; empty when it is not known.
    package var diff: String

    package init(
        id: String,
        message: String,
        author: String = "",
        at: Timestamp,
        files: [String],
        diff: String
    ) {
        self.id = id
        self.message = message.prefix(bytes: Self.messageBytesMax)
        self.author = author
        self.at = at
        self.files = Array(files.lazy.filter { $0.utf8.count <= Self.pathBytesMax }.prefix(Self.filesMax))
        self.diff = diff.prefix(bytes: Self.diffBytesMax)
    }
}

/// A version of a service that went live.
package struct Deploy: Hashable, Sendable {
    package var service: String
    package var at: Timestamp
    /// Its newest commit, or 7 digits of it at least.
    ///
    /// Earlier commits of the same service's files go live with it.
    package var commit: String

    package init(service: String, at: Timestamp, commit: String) {
        self.service = service
        self.at = at
        self.commit = commit
    }
}

/// A feature flag that was turned.
package struct FlagChange: Hashable, Sendable {
    package var name: String
    package var service: String
    package var at: Timestamp

    package init(name: String, service: String, at: Timestamp) {
        self.name = name
        self.service = service
        self.at = at
    }
}

/// All that was changed around an incident.
package struct ChangeWindow: Hashable, Sendable {
    /// Most commits that are weighed against each other; the latest are kept.
    package static let commitsMax = 2000

    package var commits: [CodeChange]
    package var deploys: [Deploy]
    package var flags: [FlagChange]

    package init(commits: [CodeChange], deploys: [Deploy], flags: [FlagChange]) {
        self.commits =
            commits.count <= Self.commitsMax
            ? commits : Array(commits.sorted { $0.at > $1.at }.prefix(Self.commitsMax))
        self.deploys = deploys
        self.flags = flags
    }
}
