import ArgumentParser
import MusterCore
import MusterIdentity
import MusterIncident
import MusterWire
import MusterYAML

/// `muster runbook`.
struct RunbookCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "runbook",
        abstract: "Check runbooks, sign them beforehand, and see how they have done.",
        subcommands: [RunbookLintCommand.self, RunbookSignCommand.self, RunbookRecordCommand.self]
    )
}

/// `muster runbook lint`.
struct RunbookLintCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lint",
        abstract: "Say what is wrong in runbooks, and what they will not do that one may expect.",
        discussion: """
            Needs no coordinator. Ends with 1 when a file does not load, and with --strict also for warnings.

            EXAMPLES
              muster runbook lint runbooks/*.yaml
              muster runbook lint pool.yaml --signals /etc/muster/signals.yaml
            """
    )

    @Argument(help: ArgumentHelp("Runbook files.", valueName: "file"))
    var files: [String]

    @Option(
        help: ArgumentHelp(
            "The signals catalogue; else signals.yaml beside or above the runbook.",
            valueName: "file"
        )
    )
    var signals: String?

    @Flag(help: "Warnings count as failure.")
    var strict = false

    @Flag(help: "Print JSON for programs instead of text for people.")
    var json = false

    private struct Report: Encodable {
        var file: String
        var error: String?
        var messages: [RunbookLint.Message]
    }

    func run() throws {
        var reports: [Report] = []
        for file in files { reports.append(lint(file)) }
        if json { try JSON.print(reports) }
        for report in reports where !json {
            if let error = report.error {
                Terminal.out(Terminal.paint("error", .red) + ": \(Terminal.clean(error))")
            }
            for message in report.messages { Terminal.out(Terminal.clean(message.description)) }
            if report.error == nil, report.messages.isEmpty { Terminal.out("\(report.file): good") }
        }
        let fails = reports.contains { report in
            report.error != nil || (strict && report.messages.contains { $0.severity == .warning })
        }
        if fails { throw CommandStatus.failed.code }
    }

    private func lint(_ file: String) -> Report {
        do {
            let runbook = try Runbook(document: try YAMLReader.read(try Files.read(file), name: file))
            let messages = RunbookLint.messages(
                for: runbook,
                file: file,
                signals: try catalogue(beside: file),
                declared: try RunbookApproval.read(beside: file).map { Set($0.says.irreversible.keys) }
            )
            return Report(file: file, error: nil, messages: messages)
        } catch {
            return Report(file: file, error: "\(error)", messages: [])
        }
    }

    private func catalogue(beside file: String) throws -> SignalCatalogue {
        var folder = file.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(
            separator: "/"
        )
        if folder.isEmpty { folder = file.hasPrefix("/") ? "/" : "." }
        let candidates = signals.map { [$0] } ?? ["\(folder)/signals.yaml", "\(folder)/../signals.yaml"]
        guard let path = candidates.first(where: { signals != nil || Files.exists($0) }) else {
            return SignalCatalogue()
        }
        return try SignalCatalogue(document: try YAMLReader.read(try Files.read(path), name: path))
    }
}

/// `muster runbook sign`.
struct RunbookSignCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sign",
        abstract: "Approve a runbook file beforehand; writes FILE.approval beside it.",
        discussion: """
            The signature covers the file's exact bytes, so any edit ends it. Hosts act on it only where their \
            own policy lists your key and the file's SHA-256 under "runbooks". Steps count from 1; a step that \
            can't be taken back must be declared so, with the reason.

            EXAMPLES
              muster runbook sign pool.yaml --irreversible "2=an ended session can't be brought back" \\
                --expires 90d --selector role=db
            """
    )

    @Argument(help: ArgumentHelp("The runbook.", valueName: "file"))
    var file: String

    @Option(
        help: ArgumentHelp(
            "A step that can't be taken back, with the reason; may be given again.",
            valueName: "step=reason"
        )
    )
    var irreversible: [String] = []

    @Option(
        name: [.customLong("expires"), .customLong("life")],
        help: ArgumentHelp("How long it holds.", valueName: "span")
    )
    var expires = "90d"

    @Option(
        name: [.customLong("selector"), .customLong("on")],
        help: ArgumentHelp(
            "Limits it to hosts with these labels, for example role=db.",
            valueName: "selector"
        )
    )
    var selector = ""

    @OptionGroup var signing: SigningOptions

    @Flag(help: "Print JSON for programs instead of text for people.")
    var json = false

    func run() throws {
        let signer = try signing.signer()
        let bytes = try Files.read(file, max: 64 << 10)
        let runbook: Runbook
        do {
            runbook = try Runbook(document: try YAMLReader.read(bytes, name: file))
        } catch { throw CLIError(.failed, "nothing was signed", cause: error) }
        let declaration = PreApprovalDeclaration(
            expires: Clock.now() + (try Duration(option: "expires", expires)),
            irreversible: try steps(of: runbook),
            selector: selector
        )
        let approval = try RunbookApproval.sign(runbook: bytes, declaration, by: signer)
        let path = RunbookApproval.path(of: file)
        try Files.write(Array(approval.text.utf8), to: path, mode: 0o644)
        if json {
            try JSON.print([
                "approval": path, "signer": signer.name, "expires": declaration.expires.description,
                "sha256": SHA256.hash(bytes).description,
            ])
            return
        }
        Terminal.out(
            "Signed \(file) as \(signer.name), until \(Words.time(declaration.expires)) UTC: \(path)"
        )
        Terminal.out("For \"runbooks\" in policy.yaml on each host: sha256: [\(SHA256.hash(bytes))]")
        for (index, step) in runbook.steps.enumerated() {
            guard let mitigation = step.mitigation, mitigation.rollback == nil,
                mitigation.irreversible == nil,
                declaration.irreversible[index] == nil
            else { continue }
            Terminal.error(
                "muster: warning: step \(index + 1) has no rollback and is not declared irreversible; it will ask"
            )
        }
    }

    private func steps(of runbook: Runbook) throws -> [Int: String] {
        var steps: [Int: String] = [:]
        for text in irreversible {
            let parts = text.split(separator: "=", maxSplits: 1)
            guard parts.count == 2, let number = Int(parts[0]), (1...Runbook.stepsMax).contains(number),
                !parts[1].isEmpty
            else {
                throw ValidationError(
                    "--irreversible is STEP=REASON, for example \"2=sessions can't be brought back\""
                )
            }
            let index = number - 1
            guard runbook.steps.indices.contains(index), runbook.steps[index].mitigation != nil else {
                let known = runbook.steps.indices.filter { runbook.steps[$0].mitigation != nil }
                let list = known.map { String($0 + 1) }.joined(separator: ", ")
                throw ValidationError("step \(number) changes nothing; the steps that do are \(list)")
            }
            steps[index] = String(parts[1])
        }
        return steps
    }
}
