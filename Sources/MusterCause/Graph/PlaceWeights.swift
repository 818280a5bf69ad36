/// How much each kind of evidence about a place counts, in log-odds: 1 makes it about 2.7 times as likely.
///
/// One set for every system. `Tests/Benchmarks/run causes` prints what each is worth on cases whose cause is known.
package struct PlaceWeights: Hashable, Sendable, Codable {
    /// A resource of the service is short.
    package var resource = 6.0
    /// Calls to it take long on their way.
    package var transit = 5.0
    /// It takes longer by itself.
    package var ownTime = 4.0
    /// Requests no longer take their usual way through it.
    package var path = 5.0
    /// It answers slower, less what it waits for.
    package var latency = 4.0
    /// It fails, less what fails in what it calls.
    package var errors = 4.0
    package var logs = 1.5

    /// Share of a changed path that a callee whose paths changed as much explains.
    package var explained = 0.8
    /// Factor on a symptom of another kind than the one that the alert is about.
    package var otherSymptom = 0.5
    /// Factor on symptoms of services that the alerting one does not depend on, as far as calls were seen.
    package var unreached = 0.5
    /// Factor on symptoms of the service that fired: that it is unwell is known, not news.
    package var alerting = 0.6
    /// What a place gets from the strongest of its neighbours, so that a list goes on near its top.
    package var neighbour = 0.05

    package init() {}
}
