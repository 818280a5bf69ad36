/// How much each kind of evidence on changes counts, in log-odds.
///
/// Written down from what such evidence usually means, and checked on a dozen incidents; no number was fitted.
package struct ChangeWeights: Hashable, Sendable {
    /// Evidence that is left out, to see what it is worth.
    package var without: Set<ChangeMechanism> = []

    /// "None of these" without any sign of an outer cause: about as much as a deploy on the failing service just
    /// before the onset whose diff says nothing about the symptom.
    package var none = 5.0

    package var deployed = 2.0
    /// An earlier commit of the same service's files goes live with a deploy.
    package var wentAlong = 1.5
    /// A commit of files that belong to no service may have gone live with any deploy.
    package var mayHaveGoneAlong = -0.7
    package var flagTurned = 2.5
    package var notDeployed = -2.5
    package var committedAfterAlert = -8.0

    package var afterAlertOnset = -5.0
    package var afterFirstSign = -2.5
    /// Trouble right after a deploy is seldom chance; fades within minutes.
    package var near = 1.0
    package var nearSeconds = 300.0
    /// For each doubling of the time from the deploy to the onset, beyond this.
    package var distance = 0.35
    package var distanceSeconds = 900.0
    package var slackSeconds = 60.0

    package var alertService = 1.0
    package var firstService = 0.7
    package var failingService = 1.0
    package var quietService = -1.2
    /// A service that the first failing one calls.
    package var calledByFirst = 1.0
    /// A service that calls the first failing one and may ask too much of it.
    package var callsFirst = 0.4

    package var inertFiles = -4.0
    package var elsewhere = -3.0
    package var comments = -3.5
    package var telemetry = -2.0
    package var formatting = -3.0
    package var unseenDiff = -1.5

    /// Most that words in common can add, and the sum at which 63% of it is reached.
    package var words = 3.0
    package var wordsScale = 3.0
    package var identifiers = 3.5
    package var identifiersScale = 0.8
    package var literals = 2.0
    package var literalsScale = 2.0
    package var owner = 2.0
    package var kind = 2.4

    package var valueStep = 3.5
    package var valueBeforeAndAfter = 3.0
    package var valueSeen = 1.5
    package var tightenedMax = 2.2
    package var tightenedPerDoubling = 0.6
    package var raisedMax = 1.5
    package var raisedPerDoubling = 0.5
    package var loosened = -0.8

    package var dependency = 2.2
    package var safeguard = 1.0
    package var guardRemoved = 2.0
    package var loop = 0.5
    package var loopRelated = 1.5
    package var verboseLogs = 2.0
    package var startsWork = 1.5

    package var outsidePeer = 3.5
    package var outsidePeerOfSeveral = 1.0
    package var expired = 4.5
    package var provider = 1.5
    package var machine = 3.0
    package var upkeep = 1.5
    package var onePlace = 2.5
    package var surge = 3.0

    package init() {}
}
