import MusterCause
import MusterCore

/// Ports on which nothing listens any more.
enum ListenerFindings {
    /// Below these ports services listen; what systems give out by themselves lies above (Linux: `ip_local_port_range`).
    private static let portMax = 32_768

    /// Between two looks of the map at a host, and some.
    private static let recent = Duration.seconds(600)

    /// One finding for each service that is gone from its port, over all hosts where it is.
    ///
    /// `known` are the ports on which something listened on a host lately; `answers` what hosts say of their sockets now.
    static func findings(
        _ answers: [(host: HostReference, answer: Answer)],
        known: (AgentID) -> [KnownListener],
        onset: Timestamp,
        coverage: Coverage,
        at now: Timestamp
    ) -> [Finding] {
        var gone: [Gone: [(host: HostReference, last: Timestamp)]] = [:]
        for (host, answer) in answers {
            guard case .sockets(let sockets) = answer else { continue }
            let open = Set(sockets.listening.map(\.port))
            // A service that has moved to another port is not gone.
            let names = Set(sockets.listening.flatMap { [$0.service, $0.process] })
            for listener in known(host.id)
            where listener.port < portMax && !open.contains(listener.port) && !names.contains(listener.name) {
                gone[Gone(name: listener.name, port: listener.port), default: []].append(
                    (host, listener.last)
                )
            }
        }
        return gone.sorted { ($0.key.name, $0.key.port) < ($1.key.name, $1.key.port) }.prefix(8).map {
            key,
            seen in
            let hosts = seen.map(\.host).sorted()
            let last = seen.map(\.last).max() ?? now
            return Finding(
                id: FindingID(at: now),
                kind: .resource,
                text:
                    "\(key.name) is gone on \(HostReference.list(hosts)): nothing listens on port \(key.port), where it "
                    + "did at \(last.timeOfDay)",
                hosts: hosts,
                service: "",
                subject: "port \(key.port) of \(key.name)",
                onset: nil,
                // What was gone long before is no news.
                effect: last >= onset - recent ? 0.95 : 0.4,
                coverage: coverage,
                suggests: .dependencyDown
            )
        }
    }

    private struct Gone: Hashable {
        let name: String
        let port: Int
    }
}
