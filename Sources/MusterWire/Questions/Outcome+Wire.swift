import MusterCore

extension WireQuestionOutcome {
    /// The message that ends a question after `chunks` chunks of its answer.
    package init(
        _ outcome: Outcome,
        of question: QuestionID,
        chunks: Int,
        signature: AnswerSignature? = nil
    ) {
        self.init()
        questionID = question.description
        kind = WireOutcomeKind(outcome.kind)
        reason = Fields.clipped(outcome.reason, max: 512)
        self.chunks = Fields.small(chunks)
        rowsDropped = Fields.count(outcome.rowsDropped)
        tookMs = Fields.small(outcome.tookMilliseconds)
        if let signature { self.signature = signature.serialised }
    }
}

extension Outcome {
    /// Reads how a question ended.
    ///
    /// A kind that this version does not know counts as failed: there is no answer to rely on.
    package init(_ wire: WireQuestionOutcome) {
        let kind = OutcomeKind(wire.kind)
        self.init(
            kind ?? .failed,
            reason: kind == nil
                ? "the host ended the question in a way that this version does not know"
                : Fields.clipped(wire.reason, max: 512),
            rowsDropped: Fields.count(wire.rowsDropped),
            tookMilliseconds: Int(wire.tookMs)
        )
    }
}

extension WireOutcomeKind {
    init(_ kind: OutcomeKind) {
        switch kind {
        case .ok: self = .ok
        case .partial: self = .partial
        case .failed: self = .failed
        case .refused: self = .refused
        case .timeout: self = .timeout
        case .unreachable: self = .unreachable
        }
    }
}

extension OutcomeKind {
    init?(_ wire: WireOutcomeKind) {
        switch wire {
        case .ok: self = .ok
        case .partial: self = .partial
        case .failed: self = .failed
        case .refused: self = .refused
        case .timeout: self = .timeout
        case .unreachable: self = .unreachable
        case .unspecified, .UNRECOGNIZED: return nil
        }
    }
}
