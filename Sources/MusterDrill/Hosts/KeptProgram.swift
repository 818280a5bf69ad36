import Glibc
import MusterCore

/// A program that is started again a second after it ends, as a service manager does with `Restart=always`.
package struct KeptProgram: Sendable {
    /// The drill's own program, as a path, and its arguments.
    private let command: [String]

    private static let pause = Duration.seconds(1)

    package init(command: [String]) { self.command = command }

    /// Hands signals on to the program; ends with it once that was asked to end.
    package func run() throws(DrillError) -> Never {
        guard let program = command.first else { throw DrillError(.usage, "keep needs a program") }
        while true {
            let ended = Servant.wait(for: try Servant.spawn(program, Array(command.dropFirst())))
            if ended.wasAsked || Servant.isAsked(within: Self.pause) { exit(ended.status) }
        }
    }
}
