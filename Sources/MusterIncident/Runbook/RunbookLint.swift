import MusterCore

/// What the author of a runbook should know before it is needed.
package enum RunbookLint {
    /// One remark, with its place.
    package struct Message: Hashable, Sendable, Codable, CustomStringConvertible {
        package enum Severity: String, Sendable, Codable {
            /// It loads, but will not do what the author may expect.
            case warning
            /// Good to know.
            case note
        }

        package var file: String
        package var position: DocumentPosition
        package var severity: Severity
        package var message: String

        package init(file: String, position: DocumentPosition, severity: Severity, message: String) {
            self.file = file
            self.position = position
            self.severity = severity
            self.message = message
        }

        /// `pool.yaml:11:5: warning: …`.
        package var description: String {
            "\(file):\(position.line):\(position.column): \(severity.rawValue): \(message)"
        }
    }

    /// Names that a message of a runbook and a parameter may use.
    package static let messageNames: Set<String> = [
        "count", "service", "host", "hosts", "cause", "alert", "value", "bound", "incident",
    ]
    package static let parameterNames: Set<String> = [
        "service", "change.before", "change.after", "change.reference", "change.service",
    ]

    /// Looks at one runbook.
    ///
    /// `declared` are the steps that a signature beside the file declares irreversible; nil without one.
    package static func messages(
        for runbook: Runbook,
        file: String,
        signals: SignalCatalogue,
        declared: Set<Int>?
    ) -> [Message] {
        var messages: [Message] = []
        func add(_ severity: Message.Severity, _ step: RunbookStep, _ text: String) {
            messages.append(
                Message(file: file, position: step.position, severity: severity, message: text)
            )
        }
        for (index, step) in runbook.steps.enumerated() {
            if case .signal(let name, _)? = step.check, signals[name] == nil {
                add(
                    .warning,
                    step,
                    "no signal is called \"\(name)\"; known are \(signals.names.joined(separator: ", "))"
                )
            }
            switch step.action {
            case .verifyHypothesis, .verifyResolution: break
            case .mitigate(let mitigation):
                for text in remarks(on: mitigation, declared: declared?.contains(index)) {
                    add(.warning, step, text)
                }
                if !runbook.steps.dropFirst(index + 1).contains(where: \.verifies) {
                    add(.warning, step, "no verify_resolution follows, so nobody checks whether it helped")
                }
            case .notify(let message):
                for name in TextTemplate(message).names where !messageNames.contains(name) {
                    add(.warning, step, "nothing is called {\(name)}; it stays in the message as it stands")
                }
            }
        }
        return messages
    }

    /// `declared` is nil without a signature beside the file.
    private static func remarks(on mitigation: RunbookMitigation, declared: Bool?) -> [String] {
        var remarks: [String] = []
        if mitigation.rollback == nil, mitigation.irreversible == nil, declared != true {
            remarks.append(
                "always asks for approval: it has neither \"rollback\" nor \"irreversible: <reason>\", and "
                    + (declared == nil
                        ? "no signature beside the file declares it irreversible"
                        : "the signature beside the file does not declare it irreversible")
            )
        } else if !mitigation.requiresApproval, declared == nil {
            remarks.append(
                "asks for approval although it says requires_approval: false, "
                    + "because nobody has signed the file"
            )
        }
        for case .command(_, let parameters) in [mitigation.action, mitigation.rollback].compactMap({ $0 }) {
            for name in parameters.values.flatMap({ TextTemplate($0).names }).sorted()
            where !parameterNames.contains(name) {
                remarks.append(
                    "nothing is called {\(name)}; known are "
                        + parameterNames.sorted().map { "{\($0)}" }.joined(separator: ", ")
                )
            }
        }
        return remarks
    }
}

extension RunbookStep {
    /// What the coordinator measures for the step; nil when it measures nothing.
    fileprivate var check: RunbookCheck? {
        switch action {
        case .verifyHypothesis(let check), .verifyResolution(let check, _): check
        case .mitigate(let mitigation): mitigation.rollout?.stopWhen
        case .notify: nil
        }
    }

    /// Whether the step looks if a mitigation helped.
    package var verifies: Bool {
        if case .verifyResolution = action { true } else { false }
    }
}
