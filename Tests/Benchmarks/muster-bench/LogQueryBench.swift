import ArgumentParser
import Glibc
import MusterCore
import MusterProbe

/// Searches one log file with the engine that answers the agent's `logs` question.
struct LogQueryBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "log-query",
        abstract: "Searches a log file as the agent would, and prints what was found.",
        discussion: """
            The file is read as it is, without an index. Prints one JSON object: matching lines, lines and bytes looked
            at, counts by level, patterns; with --print the lines themselves, masked, on standard error.

            EXAMPLES
              muster-bench log-query /var/log/syslog --level error --print 20
              muster-bench log-query app.log --regex 'timeout after [0-9]{4,} ms' --order oldest --print 5
            """
    )

    @Argument(help: "The file.") var file: String
    @Option(help: "Only lines that contain this, in small or capital letters.") var text = ""
    @Option(help: "Only this grave or graver: debug, info, warning, error or fatal.") var level: LogLevel?
    @Option(help: "Only lines that match this regular expression.") var regex = ""
    @Option(help: "Only lines of this pattern.") var template = ""
    @Option(help: "Width of the buckets in which lines are counted, in seconds.") var bucket = 60
    @Option(help: "Which lines are kept: newest, oldest or spread.") var order = LogOrder.newest
    @Option(help: "How many lines to print.") var print = 0

    func run() throws {
        let query = LogQuery(
            window: TimeWindow(from: Timestamp(nanoseconds: .min), to: Timestamp(nanoseconds: .max)),
            level: level,
            text: text,
            refinement: LogRefinement(regex: regex, template: template, order: order, bucketSeconds: bucket),
            rowsMax: max(print, 100),
            bytesMax: .max,
            now: Self.now
        )
        do throws(ProbeError) {
            let files = HostFiles()
            var search = try LogSearch(
                files: files,
                parser: LogLineParser(),
                query: query,
                mustStop: { false }
            )
            try search.search(file: realPath())
            let answer = search.finish()
            for line in answer.lines.chosen(order, print) { Self.error(line.text) }
            for reason in search.reasons { Self.error(reason) }
            let levels = answer.summary.levels.sorted { $0.key < $1.key }
                .map { "\"\($0.key.isEmpty ? "none" : $0.key)\":\($0.value)" }
            Swift.print(
                #"{"matched":\#(answer.matched),"lines":\#(answer.scanned),"#
                    + #""bytes":\#(files.status(realPath())?.size ?? 0),"levels":{\#(levels.joined(separator: ","))},"#
                    + #""templates":\#(answer.templates.count),"unclassified":\#(answer.summary.unclassified),"#
                    + #""buckets":\#(answer.summary.buckets.count)}"#
            )
        } catch {
            throw ValidationError(error.message)
        }
    }

    private func realPath() -> String {
        guard let path = realpath(file, nil) else { return file }
        defer { free(path) }
        return String(cString: path)
    }

    private static func error(_ text: String) {
        let line = Array((text + "\n").utf8)
        _ = write(STDERR_FILENO, line, line.count)
    }

    private static var now: Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(seconds: Double(time.tv_sec))
    }
}

extension LogLevel: ExpressibleByArgument {}

extension LogOrder: ExpressibleByArgument {}
