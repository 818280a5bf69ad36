import MusterCore

/// How far one host's clock is ahead of the coordinator's, from what it showed when messages were sent.
///
/// A message says when it was sent, and takes a while: each one makes the clock look behind by its own way. The one that
/// looks furthest ahead had the shortest way, so it counts. That a clock was set shows as a jump.
struct ClockEstimate: Sendable {
    /// Latest leads, each too small by the message's way.
    private var leads: [Duration] = []
    /// Leads far below the estimate, and when the last came before them: a slow way, or a clock that was set back.
    private var low: (leads: [Duration], at: Timestamp)?
    /// The estimate of the connection before.
    private var before: Duration?
    /// When the last message came.
    private var heard: Timestamp?
    /// After when the clock was set; nil as long as that was never seen.
    ///
    /// When the last message came that still showed the old time.
    private(set) var since: Timestamp?

    /// Leads that are remembered.
    private static let leadsMax = 8
    /// What is no more than this is a slow way, or a clock that is being slewed.
    private static let jumpMin = Duration.seconds(3)
    /// Messages that must agree on a clock that was set back: a single one may just have been late.
    private static let lowMin = 3

    /// Too small by the shortest way of the latest messages; nil before the first.
    var lead: Duration? { leads.max() }

    /// Whether the host's times can be set by the lead: one that is behind may also be far away at first.
    var isSure: Bool { leads.count >= Self.lowMin || (lead ?? .zero) > .zero }

    /// A new connection begins: its way may be another one.
    mutating func reconnected() {
        before = lead ?? before
        leads = []
        low = nil
    }

    /// Takes a message in that showed `lead` when it arrived.
    mutating func note(_ lead: Duration, at now: Timestamp) {
        let last = heard ?? now
        heard = now
        guard let known = self.lead else {
            // What happened while it was away has no moment.
            if let before, lead > before + Self.jumpMin || lead < before - Self.jumpMin { since = nil }
            before = nil
            leads = [lead]
            return
        }
        if lead > known + Self.jumpMin {
            // No message arrives before it is sent: the clock was set.
            (leads, low, since) = ([lead], nil, last)
        } else if lead < known - Self.jumpMin {
            noteLow(lead, after: last)
        } else {
            low = nil
            leads.append(lead)
            if leads.count > Self.leadsMax { leads.removeFirst() }
        }
    }

    /// Messages that waited together for a line that was down arrive at once and disagree; those of a clock that was set don't.
    private mutating func noteLow(_ lead: Duration, after last: Timestamp) {
        let known = low?.leads ?? []
        guard let first = known.first, lead < first + Self.jumpMin, lead > first - Self.jumpMin else {
            low = ([lead], last)
            return
        }
        let all = known + [lead]
        guard all.count >= Self.lowMin else {
            low?.leads = all
            return
        }
        (leads, since, low) = (all, low?.at, nil)
    }
}
