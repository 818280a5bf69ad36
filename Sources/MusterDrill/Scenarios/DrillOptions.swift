/// What a drill is asked to do; the defaults are those of the command line.
package struct DrillOptions: Sendable {
    /// In this order; at least one.
    package var scenarios: [ScenarioName] = [.badDeploy]
    /// Whether the report is a list even of one.
    package var all = false
    /// One JSON object on standard output instead of the story.
    package var json = false
    /// Leave it running and wait for Ctrl-C.
    package var keep = false
    /// Nil for a temporary folder.
    package var folder: String?
    /// Wait instead of stepping the database server's clock.
    package var realTime = false
    /// No network namespaces.
    package var loopback = false
    /// Requests per second, all hosts together.
    package var rate = 120.0
    package var seed: UInt64 = 4521
    /// Time after the alert at which the coordinator is killed; nil for never.
    package var killCoordinatorAfter: Duration?
    package var killAgentDuringAction = false

    package init() {}
}
