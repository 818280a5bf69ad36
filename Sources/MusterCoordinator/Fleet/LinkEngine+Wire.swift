import MusterWire

extension LinkEngine.Message {
    /// The kind of an envelope's content.
    init(_ envelope: WireEnvelope) {
        switch envelope.body {
        case .joinRequest: self = .joinRequest
        case .renewRequest: self = .renewRequest
        case .hello: self = .hello
        case .heartbeat: self = .working("Heartbeat")
        case .answer: self = .working("Answer")
        case .outcome: self = .working("Outcome")
        case .actionReport: self = .working("ActionReport")
        case .challengeReply: self = .working("ChallengeReply")
        case .refused: self = .working("Refused")
        case .joinResult: self = .foreign("JoinResult")
        case .welcome: self = .foreign("Welcome")
        case .question: self = .foreign("Question")
        case .cancel: self = .foreign("Cancel")
        case .ticket: self = .foreign("Ticket")
        case .renewed: self = .foreign("Renewed")
        case .retryAfter: self = .foreign("RetryAfter")
        case .drain: self = .foreign("Drain")
        case .revoked: self = .foreign("Revoked")
        case .commit: self = .foreign("Commit")
        case .challenge: self = .foreign("Challenge")
        case .renewSoon: self = .foreign("RenewSoon")
        case .freezes: self = .foreign("Freezes")
        case .abort: self = .foreign("Abort")
        case nil: self = envelope.unknownFields.data.isEmpty ? .acknowledgement : .unknown
        }
    }
}
