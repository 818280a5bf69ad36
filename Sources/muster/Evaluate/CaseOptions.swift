import MusterCause

/// How a recorded incident is to be looked at, other than as it was.
struct CaseOptions {
    /// Renames all entities; nil for their own names.
    var renameSeed: UInt64?
    /// Seconds from the alert to the moment at which it is pretended to fire.
    var alertAfter = 0.0
    /// Seconds before the alert at which it is pretended to fire instead; what came later is hidden then.
    var quietBefore: Double?
    /// Looks at a moment of the healthy time instead of the incident.
    var isHealthy = false
    /// Share of the services that answer.
    var coverage = 1.0
    /// Kinds of evidence that are left out.
    var without: Set<Place.Source> = []
    var weights = CauseWeights()
}
