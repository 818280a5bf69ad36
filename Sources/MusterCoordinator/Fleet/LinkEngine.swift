import MusterCore

/// Decides what one agent's connection may do: first a handshake, then join, renewal or Hello, then everything else.
///
/// Times are how long the connection has been open, on a clock that never jumps.
struct LinkEngine {
    /// Deadlines and bounds of one connection.
    struct Limits: Sendable {
        /// From the TCP connection to the end of Hello.
        var helloMax: Duration = .seconds(5)
        /// From a request for a certificate to its answer.
        var certificateMax: Duration = .seconds(10)
        /// Longest silence of a live agent.
        var silenceMax: Duration = .seconds(30)
        /// Refused messages after which the connection is closed.
        var refusalsMax = 16
    }

    /// Who the TLS handshake showed.
    enum Peer: Equatable, Sendable {
        /// No certificate: may only join.
        case anonymous
        case agent(AgentID)
        /// A certificate that has expired: may only renew.
        case expired(AgentID)
    }

    /// A message, as far as decisions need it.
    enum Message: Equatable {
        case joinRequest
        case renewRequest
        case hello
        /// Everything that a live agent may send.
        case working(String)
        /// Only counts what was received.
        case acknowledgement
        /// Belongs to the coordinator.
        case foreign(String)
        /// From a newer version of the protocol.
        case unknown
    }

    /// What the shell shall do with a message.
    enum Verdict: Equatable {
        case accept
        /// Say so and go on.
        case refuse(String)
        /// Log and close.
        case close(String)
    }

    private enum State: Equatable {
        case handshaking
        case waiting(Peer)
        /// It gets a certificate, and then the connection has done its work.
        case certifying(Peer)
        case live(AgentID)
        case closed
    }

    private let limits: Limits
    private var state = State.handshaking
    /// Since when the present deadline runs.
    private var since: Duration = .zero
    private var refusals = 0

    init(limits: Limits) { self.limits = limits }

    /// The agent at the other end, once its Hello was accepted.
    var agent: AgentID? {
        if case .live(let agent) = state { return agent }
        return nil
    }

    /// The agent that the certificate names, also before Hello.
    var peer: Peer? {
        switch state {
        case .waiting(let peer), .certifying(let peer): peer
        case .live(let agent): .agent(agent)
        case .handshaking, .closed: nil
        }
    }

    /// The handshake is complete; its deadline goes on until Hello.
    mutating func secured(as peer: Peer) {
        guard state == .handshaking else { return }
        state = .waiting(peer)
    }

    /// A message arrived in its right place of the stream.
    mutating func received(_ message: Message, at elapsed: Duration) -> Verdict {
        switch (state, message) {
        case (.closed, _), (.handshaking, _):
            return .close("message before the handshake was complete")
        case (.waiting(.anonymous), .joinRequest):
            state = .certifying(.anonymous)
            since = elapsed
            return .accept
        case (.waiting(.expired(let agent)), .renewRequest), (.waiting(.agent(let agent)), .renewRequest):
            // Also with a certificate that is valid here: by the host's own clock it may have expired.
            state = .certifying(.agent(agent))
            since = elapsed
            return .accept
        case (.waiting(.agent(let agent)), .hello):
            state = .live(agent)
            since = elapsed
            return .accept
        case (.waiting(.anonymous), _):
            return .close("no certificate was presented; without one only a JoinRequest is allowed")
        case (.waiting(.expired), _):
            return .close("the certificate has expired; with it only a RenewRequest is allowed")
        case (.waiting(.agent), _):
            return .close("the first message must be Hello")
        case (.certifying, _):
            return .close("message after a request for a certificate")
        case (.live, .working), (.live, .acknowledgement), (.live, .renewRequest):
            since = elapsed
            return .accept
        case (.live, .joinRequest):
            return refuse("JoinRequest on a connection with a certificate")
        case (.live, .hello):
            return refuse("Hello was already said")
        case (.live, .foreign(let name)):
            return refuse("\(name) is a message of the coordinator")
        case (.live, .unknown):
            return refuse("this kind of message is not known to this version")
        }
    }

    /// A live agent's message could not be used as it is.
    mutating func refuse(_ reason: String) -> Verdict {
        refusals += 1
        if refusals > limits.refusalsMax {
            return .close("\(refusals) messages refused, the last: \(reason)")
        }
        return .refuse(reason)
    }

    /// Why the connection must end now; nil when it may go on.
    func overdue(at elapsed: Duration) -> String? {
        switch state {
        case .handshaking:
            elapsed >= limits.helloMax ? "no TLS handshake within \(limits.helloMax.inSeconds.text()) s" : nil
        case .waiting:
            elapsed >= limits.helloMax ? "no first message within \(limits.helloMax.inSeconds.text()) s" : nil
        case .certifying:
            elapsed - since >= limits.certificateMax
                ? "the certificate took longer than \(limits.certificateMax.inSeconds.text()) s" : nil
        case .live:
            elapsed - since >= limits.silenceMax ? "silent for \(limits.silenceMax.inSeconds.text()) s" : nil
        case .closed:
            nil
        }
    }

    /// When to look at ``overdue(at:)`` again.
    func nextCheck(at elapsed: Duration) -> Duration {
        let due =
            switch state {
            case .handshaking, .waiting: limits.helloMax
            case .certifying: since + limits.certificateMax
            case .live: since + limits.silenceMax
            case .closed: elapsed + limits.silenceMax
            }
        return max(due - elapsed, .milliseconds(1))
    }

    mutating func closed() { state = .closed }
}
