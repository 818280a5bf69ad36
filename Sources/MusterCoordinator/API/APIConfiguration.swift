import MusterCore

/// How the HTTPS port behaves.
package struct APIConfiguration: Sendable {
    /// Address to listen on.
    package var address = "0.0.0.0"
    /// 0 takes any free port.
    package var port = 8443
    /// Keys and certificates to begin with; see ``APIServer/use(_:)``.
    package var identity: CoordinatorIdentity
    /// Largest delivery of alerts or changes: a group of some 10 000 alerts.
    package var intakeBytesMax = 8 << 20
    /// Largest body of any other call.
    package var bodyBytesMax = 256 << 10
    /// Connections at once.
    package var connectionsMax = 1_024
    /// How long a connection may be silent between requests.
    package var idleMax: Duration = .seconds(75)
    /// Questions to the fleet that may run at once; more are told to come again.
    package var asksMax = 16
    /// Of these, how many one operator may have.
    package var asksPerOperatorMax = 8
    /// Calls that one operator may make a second, over some time; ten seconds' worth of them at once.
    package var callsPerSecond = 20.0
    /// Longest deadline of a question.
    package var askDeadlineMax: Duration = .seconds(60)
    /// How long a browser stays logged in.
    package var sessionLife: Duration = .seconds(12 * 3600)
    /// The wall clock.
    package var now: @Sendable () -> Timestamp = FleetConfiguration.systemClock

    package init(identity: CoordinatorIdentity) { self.identity = identity }
}
