import ArgumentParser
import FoundationEssentials
import Glibc

/// `muster drill`: becomes the program `muster-drill` beside this one.
struct DrillCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drill",
        abstract: "Show a whole incident on this machine, from the alert to the post-mortem.",
        discussion: """
            All arguments go to muster-drill, which tells more with --help.

            EXAMPLES
              muster drill
              muster drill --scenario pool-exhaustion --json
            """
    )

    @Argument(parsing: .captureForPassthrough, help: "Arguments of muster-drill.")
    var arguments: [String] = []

    func run() throws {
        let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        let folder = own.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(
            separator: "/"
        )
        let program = "\(folder)/muster-drill"
        var words: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) }
        words.append(nil)
        execv(program, words)
        // Only reached when that failed.
        let reason = String(cString: strerror(errno))
        for word in words { free(word) }
        throw CLIError(.unavailable, "can't start \(program): \(reason)")
    }
}
