import MusterCore

/// The hosts, as the rest of the coordinator sees them: who is there, ask, act, hear.
package protocol Fleet: Sendable {
    /// Every host that ever joined, also those that are away or revoked, by name.
    func hosts() async -> [FleetHost]

    /// Asks hosts one question and returns one reply for each of them, always.
    ///
    /// A host asked twice counts once. Finishes within the budget's deadline and a quarter of a second; sooner
    /// when everybody replied or when the asking task is cancelled, which tells the hosts too.
    ///
    /// - Parameters:
    ///   - probe: What to ask.
    ///   - hosts: Whom to ask; an identity that nobody knows is unreachable.
    ///   - budget: What answering may cost on each host; held on this side as well.
    ///   - purpose: Who wants to know: when too much is asked at once, browsing is refused first.
    ///   - onReply: Called for each reply as it comes, from any thread; must not block.
    /// - Returns: The replies, by host name.
    func ask(
        _ probe: Probe,
        of hosts: [AgentID],
        budget: QuestionBudget,
        purpose: QuestionPurpose,
        onReply: (@Sendable (HostReply) -> Void)?
    ) async -> FleetReply

    /// Hands a ticket to its host; what became of it comes as ``FleetEvent/actionReport(_:_:)``.
    ///
    /// - Throws: ``FleetError``: with the code `undetermined` the host may or may not have got it: ask its
    ///   ledger before anything else.
    func send(_ ticket: Ticket) async throws(FleetError)

    /// Tells a host to keep the effect of an action.
    func commit(_ ticket: TicketID, on host: AgentID) async throws(FleetError)

    /// Tells a host to take the effect of an action back.
    func abort(_ ticket: TicketID, on host: AgentID, reason: String) async throws(FleetError)

    /// Tells every connected host the freezes that it has to keep to; whoever connects is told by itself.
    ///
    /// - Returns: The hosts that were told.
    func tellFreezes() async -> Set<AgentID>

    /// What happens in the fleet; bounded, for a single consumer.
    ///
    /// A report of an action that finds the queue full is not acknowledged, so that the agent sends it again;
    /// other events are then dropped and counted.
    var events: AsyncStream<FleetEvent> { get }
}

/// What a question is asked for.
package enum QuestionPurpose: Sendable {
    /// Somebody looks around.
    case browsing
    /// The measurements of an incident, or the verification of an action.
    case incident
    /// An incident's triage or investigation: the answers come sealed and signed, since findings may rest on them.
    case evidence
}

extension Fleet {
    /// Asks on behalf of an incident.
    package func ask(
        _ probe: Probe,
        of hosts: [AgentID],
        budget: QuestionBudget,
        onReply: (@Sendable (HostReply) -> Void)? = nil
    ) async -> FleetReply {
        await ask(probe, of: hosts, budget: budget, purpose: .incident, onReply: onReply)
    }
}

/// Something that happened in the fleet.
package enum FleetEvent: Sendable {
    /// A host is there and may be asked.
    case connected(HostReference)
    /// A host went away; the reason is for people.
    case disconnected(HostReference, reason: String)
    /// A host told where one of its actions stands. May repeat what was told before.
    case actionReport(HostReference, ActionReport)
    /// A host is not trusted any more until somebody has looked: it lied, or its identity was copied.
    case quarantined(HostReference, reason: String)
    /// Its action ledger is an older one: what ran since is forgotten there, so the host takes no action any more.
    case ledgerPutBack(HostReference, reason: String)
    /// An administrator has looked at it; the reason says what was decided.
    case quarantineEnded(HostReference, reason: String)
    /// Somebody was turned away: wrong authority, expired, revoked, bad token.
    case identityRefused(reason: String, address: String)
}
