import MusterCore

/// Effects that wait to be committed: how long yet, and what this host sees of them meanwhile.
///
/// Which tickets wait is in the ledger; how they are looked at, in the policy. All is by the time since some fixed moment,
/// which nobody sets.
struct EffectWatch {
    /// Pause between two looks.
    static let lookPause = Duration.seconds(1)

    /// What the host verifies by itself.
    private struct Verification {
        var check: PermittedCheck
        var isUnderWay = false
        /// Why it did not hold when it was looked at last.
        var objection = "it was not looked at"
        /// When to look again.
        var next: Duration
    }

    /// When what waits is taken back; only of what was done since the start.
    private var deadlines: [TicketID: Duration] = [:]
    private var verifications: [TicketID: Verification] = [:]

    /// An effect is there that is taken back at `deadline` unless it is committed.
    mutating func wait(for ticket: TicketID, until deadline: Duration) { deadlines[ticket] = deadline }

    /// It waits no longer.
    mutating func forget(_ ticket: TicketID) { (deadlines[ticket], verifications[ticket]) = (nil, nil) }

    /// How long it waits yet; `wall` is what is left by the wall clock, which alone knows after a restart.
    func left(of ticket: TicketID, at uptime: Duration, wall: Duration) -> Duration {
        deadlines[ticket].map { $0 - uptime } ?? wall
    }

    // MARK: Looking

    func isVerified(_ ticket: TicketID) -> Bool { verifications[ticket] != nil }

    /// From now on it is looked at.
    mutating func verify(_ ticket: TicketID, by check: PermittedCheck, at uptime: Duration) {
        verifications[ticket] = Verification(check: check, next: uptime)
    }

    /// What to look at now; nil when it is being looked at, or was a moment ago.
    mutating func nextLook(at ticket: TicketID, at uptime: Duration) -> PermittedCheck? {
        guard let verification = verifications[ticket], !verification.isUnderWay, verification.next <= uptime
        else { return nil }
        verifications[ticket]?.isUnderWay = true
        verifications[ticket]?.next = uptime + Self.lookPause
        return verification.check
    }

    /// The look could not begin.
    mutating func didNotLook(at ticket: TicketID) { verifications[ticket]?.isUnderWay = false }

    /// It did not hold.
    mutating func looked(at ticket: TicketID, objection: String) {
        verifications[ticket]?.isUnderWay = false
        verifications[ticket]?.objection = objection
    }

    /// Why it did not hold when it was looked at last; nil when nobody looks.
    func objection(to ticket: TicketID) -> String? { verifications[ticket]?.objection }

    /// Until the next look at the latest; nil when nobody looks.
    func pause(of ticket: TicketID, at uptime: Duration) -> Duration? {
        verifications[ticket].map { max(.milliseconds(10), $0.next - uptime) }
    }
}
