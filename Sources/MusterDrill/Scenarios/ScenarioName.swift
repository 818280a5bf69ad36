/// Names what goes wrong in a drill; only scenarios that exist have one.
package struct ScenarioName: Hashable, Sendable {
    package let rawValue: String

    /// Nil for a name that no scenario bears.
    package init?(_ name: String) {
        guard ScenarioCatalogue.entries.contains(where: { $0.name == name }) else { return nil }
        rawValue = name
    }

    /// For entries of the catalogue itself.
    init(known name: String) { rawValue = name }

    package static let badDeploy = ScenarioName(known: "bad-deploy")
    static let poolExhaustion = ScenarioName(known: "pool-exhaustion")

    /// All of them, in the order of `--all`.
    package static var all: [ScenarioName] { ScenarioCatalogue.entries.map { ScenarioName(known: $0.name) } }

    /// What goes wrong, in one line.
    package var summary: String { entry?.summary ?? "" }

    private var entry: ScenarioCatalogue.Entry? {
        ScenarioCatalogue.entries.first { $0.name == rawValue }
    }

    /// The scenario itself.
    func scenario(_ options: DrillOptions) -> any Scenario {
        guard let entry else { preconditionFailure("no scenario \(rawValue)") }
        return entry.make(options)
    }
}

/// All scenarios, each with a line for `--list`.
enum ScenarioCatalogue {
    struct Entry: Sendable {
        var name: String
        var summary: String
        var make: @Sendable (DrillOptions) -> any Scenario

        init(_ name: String, _ summary: String, _ make: @escaping @Sendable (DrillOptions) -> any Scenario) {
            self.name = name
            self.summary = summary
            self.make = make
        }
    }

    static let entries = shop + host + network + noFault

    /// Faults that a runbook ends.
    private static let shop = [
        Entry("bad-deploy", "a deploy on one of three hosts makes checkouts fail") { _ in BadDeploy() },
        Entry("pool-exhaustion", "PostgreSQL has no connection slots left") {
            PoolExhaustion(realTime: $0.realTime)
        },
    ]
}
