import MusterCore

/// Answers who listens on this host and who it talks to.
struct SocketsQuestion {
    let reader: HostReader
    /// 0 for all.
    let port: Int
    let budget: QuestionBudget

    /// Looks at all TCP sockets of the network namespace, and at the processes that hold them.
    func answer(_ clock: QuestionClock) -> (Outcome, Answer?) {
        let sockets: [SocketReading]
        do throws(ProbeError) { sockets = try reader.sockets() } catch {
            return (Outcome(.failed, reason: error.message), nil)
        }
        let owners = reader.socketOwners { clock.mustStop }
        if clock.wasCancelled { return (clock.stopped, nil) }
        let ownersAreKnown = !clock.mustStop
        var holders: [Int: Owner] = [:]
        for pid in Set(owners.values) {
            holders[pid] = Owner(
                pid: pid,
                name: (try? reader.files.text("/proc/\(pid)/comm")) ?? "",
                service: reader.files.unit(of: String(pid)) ?? ""
            )
        }
        var answer = Self.summary(sockets, port: port) { inode in owners[inode].flatMap { holders[$0] } }
        let dropped = max(0, answer.listening.count + answer.peers.count - max(0, budget.rowsMax))
        answer.listening.removeLast(max(0, dropped - answer.peers.count))
        answer.peers.removeLast(min(dropped, answer.peers.count))
        var reasons: [String] = []
        if dropped > 0 { reasons.append("\(dropped) rows with the fewest connections were left out") }
        if !ownersAreKnown { reasons.append("there was no time to find the processes of all sockets") }
        return (
            Outcome(
                reasons.isEmpty ? .ok : .partial,
                reason: reasons.joined(separator: "; "),
                rowsDropped: dropped
            ),
            .sockets(answer)
        )
    }

    /// The process that holds a socket.
    struct Owner {
        var pid: Int
        var name: String
        /// The unit that it belongs to; empty for none.
        var service = ""
    }

    /// Addresses of this host that an answer names at most.
    private static let addressesMax = 32

    /// Sums sockets up: listening ones by port, connections by peer with the most first, and counts by state.
    ///
    /// A connection to a port that somebody listens on here came in; all others went out.
    static func summary(
        _ sockets: [SocketReading],
        port: Int,
        owner: (_ inode: Int) -> Owner?
    ) -> SocketsAnswer {
        var answer = SocketsAnswer()
        let served = Set(sockets.filter { $0.state == "LISTEN" }.map(\.localPort))
        var peers: [PeerKey: Int] = [:]
        for socket in sockets {
            let isIncoming = served.contains(socket.localPort)
            guard port == 0 || socket.localPort == port || socket.remotePort == port else { continue }
            answer.states[socket.state, default: 0] += 1
            let holder = owner(socket.inode)
            if socket.state == "LISTEN" {
                var row = ListeningSocket(
                    address: socket.localAddress,
                    port: socket.localPort,
                    pid: holder?.pid ?? 0,
                    process: holder?.name ?? "",
                    backlog: socket.receiveQueue,
                    backlogMax: 0
                )
                row.service = holder?.service ?? ""
                answer.listening.append(row)
            } else if socket.state != "TIME_WAIT", socket.state != "CLOSE" {
                // Those two belong to nobody any more.
                let key = PeerKey(
                    process: holder?.name ?? "",
                    service: holder?.service ?? "",
                    address: socket.remoteAddress,
                    remotePort: isIncoming ? 0 : socket.remotePort,
                    localPort: isIncoming ? socket.localPort : 0
                )
                peers[key, default: 0] += 1
            }
        }
        answer.listening.sort { ($0.port, $0.address) < ($1.port, $1.address) }
        let own = Set(sockets.lazy.filter { $0.state != "LISTEN" }.map(\.localAddress))
        answer.addresses = Array(own.filter { !Self.isLoopback($0) }.sorted().prefix(Self.addressesMax))
        answer.peers = peers.map { key, count in
            var row = PeerCount(
                process: key.process,
                remoteAddress: key.address,
                remotePort: key.remotePort,
                localPort: key.localPort,
                outgoing: key.localPort == 0,
                count: count
            )
            row.service = key.service
            return row
        }.sorted {
            ($1.count, $0.process, $0.remoteAddress, $0.remotePort, $0.localPort)
                < ($0.count, $1.process, $1.remoteAddress, $1.remotePort, $1.localPort)
        }
        return answer
    }

    private static func isLoopback(_ address: String) -> Bool {
        address.hasPrefix("127.") || address == "::1" || address.hasPrefix("::ffff:127.")
    }

    private struct PeerKey: Hashable {
        var process: String
        var service: String
        var address: String
        var remotePort: Int
        var localPort: Int
    }
}
