extension Runbook {
    /// Reads a runbook file.
    ///
    ///     name: pool-exhaustion                    # else the file's name
    ///     trigger:
    ///       alert: "PostgreSQL connection pool > 90%"   # alert's name, * for any characters
    ///       cause: bad-deploy                      # kind of the most probable cause
    ///       confidence: high                       # high, medium or low; else high
    ///     steps:
    ///       - action: verify_hypothesis            # stop unless it holds
    ///         check: "SELECT …"                    # with threshold, or a signal: "Error ratio > 5%"
    ///         threshold: "> max_connections * 0.8"
    ///         target: orders                       # database target; else the only one
    ///       - action: mitigate
    ///         command: "SELECT …"                  # a statement, with target; or:
    ///         run: rollback_shop                   # an action of the hosts' policy
    ///         with: { to: "{change.before}" }
    ///         hosts: culprit                       # culprit, database, or a selector such as role=web
    ///         rollback: { run: …, with: … }        # or a statement
    ///         irreversible: reason                 # when there is no way back
    ///         verify: { run: shop_healthy, within: 1m }   # each host by itself: it keeps the effect, or takes it back;
    ///                                              # or { check: "SELECT …", threshold: "< 5", target: … }
    ///         only_if: { run: shop_is_sick }       # each host looks right before it acts; like verify, without within
    ///         requires_approval: false             # else true; false asks for a signature over the file
    ///         approvals: 2                         # different people, 1 to 10; else 1
    ///         waves: [1, 5%, 25%, 100%]            # hosts reached by each; else as here
    ///         soak: 10s                            # between waves, 0s to 1h; else 10s
    ///         error_budget: 0                      # hosts on which it may go wrong; else 0
    ///         at_once: 25%                         # of one service's hosts, at least one; else 25%
    ///         stop_when: "Error ratio > 20%"       # a signal, looked at before each wave but the first
    ///       - action: verify_resolution
    ///         check: "Connection pool utilization < 60%"
    ///         timeout: 5m
    ///       - action: notify
    ///         message: "Terminated {count} idle connections."
    ///         finally: true                        # of any step: it is taken also when one before it has failed
    package init(document: Document) throws(DocumentError) {
        var reader = try DocumentReader(document.root, in: document.name, expecting: "a runbook")
        let base = document.name.split(separator: "/").last.map(String.init) ?? document.name
        let fallback = base.hasSuffix(".yaml") ? String(base.dropLast(5)) : base
        let name = try reader.string("name") ?? fallback
        guard !name.isEmpty, name.utf8.count <= 128 else {
            throw reader.error(at: reader.position(of: "name"), "\"name\" must have 1 to 128 bytes")
        }
        let trigger = try RunbookTrigger(try reader.required("trigger"), in: document.name)
        let nodes = try reader.list("steps")
        guard !nodes.isEmpty else {
            throw reader.error(at: reader.position(of: "steps"), "\"steps\" must have at least one step")
        }
        guard nodes.count <= Self.stepsMax else {
            throw reader.error(
                at: nodes[Self.stepsMax].position,
                "a runbook has at most \(Self.stepsMax) steps"
            )
        }
        var steps: [RunbookStep] = []
        for node in nodes { steps.append(try RunbookStep(node, in: document.name)) }
        try reader.finish()
        self.init(name: name, trigger: trigger, steps: steps)
    }
}

extension RunbookTrigger {
    fileprivate init(_ node: DocumentNode, in file: String) throws(DocumentError) {
        var reader = try DocumentReader(node, in: file, expecting: "a trigger")
        let alert = try reader.string("alert")
        let cause: CauseKind? = try reader.choice("cause")
        let confidence: RunbookConfidence = try reader.choice("confidence") ?? .high
        guard alert != nil || cause != nil else {
            throw reader.error(at: node.position, "a trigger needs \"alert\" or \"cause\"")
        }
        try reader.finish()
        self.init(alert: alert, cause: cause, confidence: confidence)
    }
}

extension RunbookStep {
    fileprivate init(_ node: DocumentNode, in file: String) throws(DocumentError) {
        var reader = try DocumentReader(node, in: file, expecting: "a step")
        let action: Action
        switch try reader.requiredString("action") {
        case "verify_hypothesis": action = .verifyHypothesis(try RunbookCheck(&reader))
        case "mitigate": action = .mitigate(try RunbookMitigation(&reader, in: file))
        case "verify_resolution":
            let check = try RunbookCheck(&reader)
            let timeout = try reader.duration("timeout") ?? .seconds(300)
            guard timeout > .zero, timeout <= .seconds(86_400) else {
                throw reader.error(at: reader.position(of: "timeout"), "\"timeout\" must be from 1ms to 1d")
            }
            action = .verifyResolution(check, timeout: timeout)
        case "notify": action = .notify(message: try reader.requiredString("message"))
        case let other:
            throw reader.error(
                at: reader.position(of: "action"),
                "unknown action \"\(other)\"; "
                    + "expected one of verify_hypothesis, mitigate, verify_resolution, notify"
            )
        }
        let isFinally = try reader.bool("finally")
        try reader.finish()
        self.init(action: action, position: node.position, isFinally: isFinally)
    }
}

extension RunbookCheck {
    fileprivate init(_ reader: inout DocumentReader) throws(DocumentError) {
        let check = try reader.requiredString("check")
        let threshold = try reader.string("threshold")
        let target = try reader.string("target")
        guard check.utf8.count <= 16 << 10 else {
            throw reader.error(at: reader.position(of: "check"), "\"check\" is longer than 16 KiB")
        }
        if let threshold {
            do throws(ExpressionError) {
                let condition = try ExpressionParser.condition(threshold)
                self = .sql(statement: check, target: target ?? "", condition: condition)
            } catch {
                throw reader.error(
                    at: reader.position(of: "threshold"),
                    "\"threshold\" at \(error.description), as in \"> max_connections * 0.8\""
                )
            }
            return
        }
        guard target == nil else {
            throw reader.error(
                at: reader.position(of: "target"),
                "\"target\" goes with a statement and its \"threshold\""
            )
        }
        do throws(ExpressionError) {
            let phrase = try ExpressionParser.phrase(check)
            self = .signal(name: phrase.name, condition: phrase.condition)
        } catch {
            throw reader.error(
                at: reader.position(of: "check"),
                "\"check\" without \"threshold\" must be a signal, as in \"Error ratio < 1%\": \(error.description)"
            )
        }
    }
}

extension RunbookMitigation {
    fileprivate init(_ reader: inout DocumentReader, in file: String) throws(DocumentError) {
        let action = try RunbookAction(&reader, of: "mitigate")
        var rollback: RunbookAction?
        if let node = reader.node("rollback") {
            if case .scalar(let statement, _) = node.value, case .sql(_, let target) = action {
                rollback = .sql(statement: statement, target: target)
            } else {
                var inner = try DocumentReader(node, in: file, expecting: "a rollback")
                rollback = try RunbookAction(&inner, of: "rollback")
                try inner.finish()
            }
        }
        let irreversible = try reader.string("irreversible")
        if let irreversible, irreversible.isEmpty {
            throw reader.error(
                at: reader.position(of: "irreversible"),
                "\"irreversible\" must say why it can't be taken back"
            )
        }
        if rollback != nil, irreversible != nil {
            throw reader.error(
                at: reader.position(of: "irreversible"),
                "a step has either \"rollback\" or \"irreversible\", not both"
            )
        }
        let hosts: RunbookHosts
        switch (try reader.string("hosts"), action) {
        case ("culprit"?, _): hosts = .culprit
        case ("database"?, _): hosts = .database
        case (""?, _):
            throw reader.error(
                at: reader.position(of: "hosts"),
                "\"hosts\" must be culprit, database or a selector such as role=web"
            )
        case (let selector?, _): hosts = .selector(selector)
        case (nil, .sql): hosts = .database
        case (nil, .command): hosts = .culprit
        }
        self.init(
            action: action,
            hosts: hosts,
            rollback: rollback,
            irreversible: irreversible,
            requiresApproval: try reader.bool("requires_approval") ?? true,
            rollout: try RunbookRollout(&reader),
            approvals: try reader.int("approvals", in: 1...10),
            verification: try HostVerification(&reader, hasRollback: rollback != nil, in: file),
            precondition: try reader.node("only_if").map { node throws(DocumentError) in
                var inner = try DocumentReader(node, in: file, expecting: "what the host looks at")
                let check = try HostVerification.Check(&inner, of: "only_if", at: node.position)
                try inner.finish()
                return check
            }
        )
    }
}

extension HostVerification {
    /// Nil when the step asks for none.
    fileprivate init?(
        _ reader: inout DocumentReader,
        hasRollback: Bool,
        in file: String
    ) throws(DocumentError) {
        guard let node = reader.node("verify") else { return nil }
        guard hasRollback else {
            throw reader.error(
                at: node.position,
                "\"verify\" goes with \"rollback\": what does not hold is taken back"
            )
        }
        var inner = try DocumentReader(node, in: file, expecting: "what the host looks at")
        let within = try inner.duration("within") ?? .seconds(60)
        guard within >= .seconds(1), within <= .seconds(3600) else {
            throw inner.error(at: inner.position(of: "within"), "\"within\" must be from 1s to 1h")
        }
        self.init(check: try Check(&inner, of: "verify", at: node.position), within: within)
        try inner.finish()
    }
}

extension HostVerification.Check {
    /// `run` with `with`, or `check` with `threshold` and `target`.
    fileprivate init(
        _ reader: inout DocumentReader,
        of key: String,
        at position: DocumentPosition
    ) throws(DocumentError) {
        guard reader.node("run") == nil else {
            guard case .command(let name, let parameters) = try RunbookAction(&reader, of: key) else {
                throw reader.error(
                    at: position,
                    "\"\(key)\" needs \"run\", or \"check\" with \"threshold\""
                )
            }
            guard parameters.values.allSatisfy({ TextTemplate($0).isLiteral }) else {
                throw reader.error(at: reader.position(of: "with"), "\"\(key)\" takes no names in braces")
            }
            self = .command(name: name, parameters: parameters)
            return
        }
        guard case .sql(let statement, let target, let condition) = try RunbookCheck(&reader) else {
            throw reader.error(
                at: position,
                "a host can't measure signals: \"\(key)\" needs \"run\", or a statement with \"threshold\""
            )
        }
        guard condition.text.utf8.count <= HostVerification.conditionBytesMax else {
            throw reader.error(
                at: reader.position(of: "threshold"),
                "\"threshold\" has at most \(HostVerification.conditionBytesMax) bytes"
            )
        }
        self = .sql(statement: statement, target: target, condition: condition)
    }
}

extension RunbookRollout {
    /// Nil when the step says nothing of it.
    fileprivate init?(_ reader: inout DocumentReader) throws(DocumentError) {
        let keys = ["waves", "soak", "error_budget", "at_once", "stop_when"]
        guard keys.contains(where: { reader.node($0) != nil }) else { return nil }
        self.init()
        let texts = try reader.strings("waves")
        guard texts.count <= Rollout.wavesMax else {
            throw reader.error(
                at: reader.position(of: "waves"),
                "there are at most \(Rollout.wavesMax) waves"
            )
        }
        if !texts.isEmpty {
            waves = []
            for text in texts {
                guard let reach = Reach(text) else {
                    throw reader.error(
                        at: reader.position(of: "waves"),
                        "a wave is a number of hosts or a share, as in \"[1, 5%, 25%, 100%]\"; found \"\(text)\""
                    )
                }
                waves.append(reach)
            }
        }
        soak = try reader.duration("soak") ?? soak
        guard soak >= .zero, soak <= .seconds(3600) else {
            throw reader.error(at: reader.position(of: "soak"), "\"soak\" must be from 0s to 1h")
        }
        errorBudget = try reader.int("error_budget", in: 0...10_000) ?? errorBudget
        if let text = try reader.string("at_once") {
            guard case .percent(let percent)? = Reach(text) else {
                throw reader.error(
                    at: reader.position(of: "at_once"),
                    "\"at_once\" must be a share, as in \"25%\""
                )
            }
            shareMax = percent / 100
        }
        guard let text = try reader.string("stop_when") else { return }
        guard text.utf8.count <= Rollout.stopWhenBytesMax else {
            throw reader.error(
                at: reader.position(of: "stop_when"),
                "\"stop_when\" has at most \(Rollout.stopWhenBytesMax) bytes"
            )
        }
        do throws(ExpressionError) {
            let phrase = try ExpressionParser.phrase(text)
            stopWhen = .signal(name: phrase.name, condition: phrase.condition)
        } catch {
            throw reader.error(
                at: reader.position(of: "stop_when"),
                "\"stop_when\" must be a signal, as in \"Error ratio > 20%\": \(error.description)"
            )
        }
    }
}

extension RunbookRollout.Reach {
    /// `3` or `25%`; nil for anything else.
    fileprivate init?(_ text: String) {
        if text.hasSuffix("%") {
            guard let percent = Double(text.dropLast()), percent > 0, percent <= 100 else { return nil }
            self = .percent(percent)
        } else {
            guard let count = Int(text), 1...10_000 ~= count else { return nil }
            self = .hosts(count)
        }
    }
}

extension RunbookAction {
    fileprivate init(_ reader: inout DocumentReader, of what: String) throws(DocumentError) {
        let command = try reader.string("command")
        let target = try reader.string("target")
        let run = try reader.string("run")
        let parameters = try reader.map("with")
        switch (command, run) {
        case (let statement?, nil):
            guard !statement.isEmpty, statement.utf8.count <= 16 << 10 else {
                throw reader.error(
                    at: reader.position(of: "command"),
                    "\"command\" must have 1 byte to 16 KiB"
                )
            }
            guard parameters.isEmpty else {
                throw reader.error(at: reader.position(of: "with"), "\"with\" goes with \"run\"")
            }
            self = .sql(statement: statement, target: target ?? "")
        case (nil, let name?):
            guard !name.isEmpty, name.utf8.count <= 64 else {
                throw reader.error(at: reader.position(of: "run"), "\"run\" must have 1 to 64 bytes")
            }
            guard target == nil else {
                throw reader.error(at: reader.position(of: "target"), "\"target\" goes with \"command\"")
            }
            self = .command(name: name, parameters: parameters)
        default:
            throw reader.error(
                at: reader.position,
                "\(what) needs exactly one of \"command\" (a statement) and \"run\" (an action of the policy)"
            )
        }
    }
}

extension DocumentReader {
    /// One of a closed set of words; nil when the key is not there.
    package mutating func choice<Choice: RawRepresentable & CaseIterable>(
        _ key: String
    ) throws(DocumentError) -> Choice? where Choice.RawValue == String {
        guard let text = try string(key) else { return nil }
        guard let choice = Choice(rawValue: text) else {
            let words = Choice.allCases.map(\.rawValue).joined(separator: ", ")
            throw error(at: position(of: key), "\"\(key)\" must be one of \(words), found \"\(text)\"")
        }
        return choice
    }
}
