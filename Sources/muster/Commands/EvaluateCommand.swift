import ArgumentParser
import FoundationEssentials
import Glibc
import MusterAnalysis

/// `muster evaluate`: runs the engines on files whose truth is known.
struct EvaluateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate",
        abstract: "Run Muster's engines on files, so that their answers can be scored.",
        discussion: """
            Needs no coordinator: the engines are those that agents run.

            EXAMPLES
              muster evaluate templates Linux_2k.log Mac_2k.log --out predictions
              muster evaluate causes incidents/ --out rankings.jsonl
            """,
        subcommands: [Templates.self, Causes.self]
    )

    /// `muster evaluate templates`: which lines of a file one statement wrote.
    struct Templates: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "templates",
            abstract: "Group the lines of log files by template.",
            discussion: """
                Writes DIR/NAME.csv for each file, where NAME is its name without "_2k.log" or ".log": one row a \
                line with LineId (from 1), EventId and EventTemplate, in which <*> is a variable part. A template \
                that was joined to another later has the other's id on all of its lines.

                EXAMPLES
                  muster evaluate templates /var/log/syslog --out groups
                  muster evaluate templates messages_2k.log --out groups --content --seconds
                """
        )

        @Argument(help: ArgumentHelp("Log files.", valueName: "file"))
        var files: [String]

        @Option(help: ArgumentHelp("Folder for the groups; made if it is not there.", valueName: "dir"))
        var out: String

        @Flag(help: "Lines are messages alone, without time, level and the like before them.")
        var content = false

        @Flag(help: "Also write DIR/NAME.seconds: how long grouping took, without reading and writing.")
        var seconds = false

        @Flag(help: "Print one JSON object.")
        var json = false

        func validate() throws {
            let names = files.map(Self.name)
            if let twice = names.first(where: { name in names.count { $0 == name } > 1 }) {
                throw ValidationError("two files would be written as \"\(twice).csv\"")
            }
        }

        func run() throws {
            try Files.makeFolder(out)
            var rows: [JSONRow] = []
            for file in files {
                let groups = try LogGroups(file: file, hasHeader: !content)
                let path = "\(out)/\(Self.name(file))"
                try Files.write(groups.csv(), to: "\(path).csv", mode: 0o644)
                if seconds {
                    try Files.write(Array("\(groups.seconds)\n".utf8), to: "\(path).seconds", mode: 0o644)
                }
                let row = JSONRow(
                    file: file,
                    lines: groups.slots.count,
                    templates: groups.templatesCount,
                    seconds: groups.seconds
                )
                rows.append(row)
                if !json {
                    let time = Words.milliseconds(groups.seconds * 1_000)
                    Terminal.out("\(path).csv: \(row.lines) lines, \(row.templates) templates, \(time)")
                }
            }
            if json { try JSON.print(rows) }
        }

        private struct JSONRow: Encodable {
            let file: String
            let lines: Int
            let templates: Int
            let seconds: Double
        }

        private static func name(_ file: String) -> String {
            let name = file.split(separator: "/").last.map(String.init) ?? file
            for ending in ["_2k.log", ".log"]
            where name.hasSuffix(ending) && name.utf8.count > ending.utf8.count {
                return String(name.dropLast(ending.count))
            }
            return name
        }
    }
}
