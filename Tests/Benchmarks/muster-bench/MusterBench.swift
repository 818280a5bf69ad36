import ArgumentParser

/// Runs one of the product's engines on a file, so that a script beside it can compare it with a peer.
///
/// Each benchmark is a command in a file of its own. It prints one JSON object.
@main
struct MusterBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "muster-bench",
        abstract: "Runs Muster's engines on files, for Tests/Benchmarks/run.",
        subcommands: [RequestSketch.self, LogQueryBench.self, RecorderDay.self, AnomaliesCommand.self]
    )
}
