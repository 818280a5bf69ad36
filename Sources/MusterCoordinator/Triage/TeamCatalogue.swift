import MusterCore

/// Who looks after which service, from `teams.yaml`.
package struct TeamCatalogue: Hashable, Sendable {
    private struct Entry: Hashable, Sendable {
        let pattern: String
        let owner: Owner
    }

    private let entries: [Entry]

    /// Nobody looks after anything.
    package static let empty = TeamCatalogue(entries: [])

    private init(entries: [Entry]) { self.entries = entries }

    /// Reads the file; the first entry that fits a service counts.
    ///
    ///     teams:
    ///       - service: "checkout*"        # a name, * for any characters
    ///         team: Checkout
    ///         channel: "#checkout"        # may be missing
    ///         escalation: [sarah, ben]    # whom to call, in this order; may be missing
    package init(document: Document) throws(DocumentError) {
        var reader = try DocumentReader(document.root, in: document.name, expecting: "the teams")
        var entries: [Entry] = []
        for node in try reader.list("teams") {
            var team = try DocumentReader(node, in: document.name, expecting: "a team")
            entries.append(
                Entry(
                    pattern: try team.requiredString("service"),
                    owner: Owner(
                        team: try team.requiredString("team"),
                        channel: try team.string("channel") ?? "",
                        escalation: try team.strings("escalation")
                    )
                )
            )
            try team.finish()
        }
        try reader.finish()
        self.init(entries: entries)
    }

    /// The owner of a service; nil when no entry fits.
    package func owner(of service: String) -> Owner? {
        entries.first { RunbookTrigger.matches(pattern: $0.pattern, service) }?.owner
    }
}
