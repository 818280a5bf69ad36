import ArgumentParser
import MusterCore
import MusterIdentity
import MusterIncident
import MusterWire

/// `muster approve`.
struct ApproveCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "approve",
        abstract: "Sign a plan with your own key, which sets it going.",
        discussion: """
            The plan's exact bytes are fetched, their hash is checked here, and what they say is printed; only \
            then your key signs the hash. The key never leaves this machine. Key and name default to those of \
            "muster operator keygen".

            EXAMPLES
              muster approve latest
              muster approve 0193c0de 4f1a22 --key ana.key --as ana
              muster approve latest --break-glass "the shop is down, and nobody else answers their phone"
            """
    )

    @Argument(help: IncidentFinder.help)
    var incident: String

    @Argument(help: "The plan: its id or the beginning of it; may be left out when only one waits.")
    var plan: String?

    @Option(
        help: ArgumentHelp(
            "Set it going alone, for this reason, whatever approvals it needs: where the hosts' policy allows you to. The others are called, and the post-mortem tells of it.",
            valueName: "reason"
        )
    )
    var breakGlass: String?

    @OptionGroup var signing: SigningOptions
    @OptionGroup var options: ServerOptions

    @Flag(name: .shortAndLong, help: "Don't ask again.")
    var yes = false

    func validate() throws {
        if let breakGlass, !BreakGlass.isReason(breakGlass) {
            throw ValidationError("--break-glass takes the reason in one line of at most 1024 bytes")
        }
    }

    func run() throws {
        let connection = try options.connect()
        let signer = try signing.signer()
        let incident = try IncidentFinder.find(incident, connection)
        let sealed = try PlanFinder.find(plan, of: incident, connection)
        if !options.json {
            PlanText.print(sealed)
            let detail = try connection.get("incidents/\(incident)", as: IncidentDetail.self)
            let trials = detail.rollouts?.first { $0.plan == sealed.id }?.trials
            if let trials { PlanText.print(trials, of: sealed.plan) }
        }
        if !yes, Terminal.inIsTerminal, !options.json {
            Terminal.out(
                breakGlass == nil
                    ? "Sign as \(signer.name) and set it going? [y/N]"
                    : "Sign as \(signer.name), set it going ALONE and call the others? [y/N]"
            )
            guard let answer = readLine(), ["y", "yes"].contains(answer.lowercased()) else {
                throw CLIError(.denied, "nothing was signed")
            }
        }
        if let breakGlass {
            let use = try signer.breakGlass(sealed.id, reason: breakGlass)
            try connection.post("incidents/\(incident)/plans/\(sealed.id)/break-glass", use)
            if options.json {
                return try JSON.print([
                    "approved": sealed.id.description, "signer": signer.name, "break_glass": breakGlass,
                ])
            }
            return Terminal.out(
                Terminal.paint("Set going", .yellow) + " by \(signer.name) alone: plan \(sealed.id.short)"
            )
        }
        let approval = try signer.approve(sealed.id)
        try connection.post("incidents/\(incident)/plans/\(sealed.id)/approve", approval)
        if options.json {
            try JSON.print(["approved": sealed.id.description, "signer": signer.name])
        } else {
            Terminal.out(Terminal.paint("Approved", .green) + " by \(signer.name): plan \(sealed.id.short)")
        }
    }
}

/// `muster reject`.
struct RejectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reject",
        abstract: "Turn a plan down.",
        discussion: """
            EXAMPLES
              muster reject latest --reason "the deploy is needed; we roll forward"
            """
    )

    @Argument(help: IncidentFinder.help)
    var incident: String

    @Argument(help: "The plan: its id or the beginning of it; may be left out when only one waits.")
    var plan: String?

    @Option(help: ArgumentHelp("Why, in a sentence.", valueName: "text"))
    var reason = ""

    @OptionGroup var options: ServerOptions

    func run() throws {
        let connection = try options.connect()
        let incident = try IncidentFinder.find(incident, connection)
        let sealed = try PlanFinder.find(plan, of: incident, connection)
        try connection.post("incidents/\(incident)/plans/\(sealed.id)/reject", ReasonRequest(reason: reason))
        if options.json {
            try JSON.print(["rejected": sealed.id.description])
        } else {
            Terminal.out("Rejected plan \(sealed.id.short): \(Terminal.clean(sealed.plan.summary))")
        }
    }
}

/// Which of an incident's plans a command is about.
enum PlanStage {
    case waiting
    case underWay
    case any

    func plans(of detail: IncidentDetail) -> [PlanID] {
        let rollouts = detail.rollouts ?? []
        return switch self {
        case .waiting: detail.pendingPlans.map(\.id)
        case .underWay: rollouts.filter { $0.state == .running || $0.state == .paused }.map(\.plan)
        case .any: rollouts.isEmpty ? detail.pendingPlans.map(\.id) : rollouts.map(\.plan)
        }
    }

    /// Goes behind `no plan of this incident`.
    var words: String {
        switch self {
        case .waiting: "waits for approval"
        case .underWay: "is under way"
        case .any: "exists"
        }
    }
}

/// Finds the plan that somebody means, and believes nothing about it but its bytes.
enum PlanFinder {
    static func find(
        _ word: String?,
        of incident: IncidentID,
        _ connection: Connection,
        _ stage: PlanStage = .waiting
    ) throws(CLIError) -> SealedPlan {
        let id = try identify(word, of: incident, connection, stage)
        let told = try connection.get("incidents/\(incident)/plans/\(id)", as: SealedPlan.self)
        // The coordinator's own reading of the plan is not looked at: what counts is what the bytes say.
        guard Sealing.planID(told.bytes) == id else {
            throw CLIError(
                .denied,
                "the plan's bytes don't have the hash \(id); don't sign, and find out why"
            )
        }
        do {
            let plan = try WireCodec.plan(from: told.bytes)
            guard plan.incident == incident else {
                throw CLIError(.denied, "the plan belongs to another incident (\(plan.incident)); don't sign")
            }
            return SealedPlan(id: id, bytes: told.bytes, plan: plan)
        } catch let error as CLIError {
            throw error
        } catch {
            throw CLIError(
                .failed,
                "the plan can't be read; is this muster older than the coordinator?",
                cause: error
            )
        }
    }

    static func identify(
        _ word: String?,
        of incident: IncidentID,
        _ connection: Connection,
        _ stage: PlanStage = .waiting
    ) throws(CLIError) -> PlanID {
        if let word, let id = PlanID(word) { return id }
        let detail = try connection.get("incidents/\(incident)", as: IncidentDetail.self)
        let known = stage.plans(of: detail)
        guard let word else {
            guard let only = known.first else {
                throw CLIError(.failed, "no plan of this incident \(stage.words)")
            }
            guard known.count == 1 else {
                let list = known.map(\.short).joined(separator: ", ")
                throw CLIError(.usage, "\(known.count) plans are meant; name one of \(list)")
            }
            return only
        }
        let found = known.filter { $0.description.hasPrefix(word.lowercased()) }
        guard let id = found.first, found.count == 1 else {
            throw CLIError(
                .failed,
                "\(found.isEmpty ? "no" : "more than one") plan that \(stage.words) begins with \"\(word)\""
            )
        }
        return id
    }
}
