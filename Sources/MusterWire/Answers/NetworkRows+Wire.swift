import MusterCore

extension WireSocketsAnswer {
    init(_ answer: SocketsAnswer) {
        self.init()
        listening = answer.listening.map { WireListeningSocket($0) }
        peers = answer.peers.map { WirePeerCount($0) }
        states = answer.states.mapValues { Fields.small($0) }
        addresses = answer.addresses
    }
}

extension SocketsAnswer {
    init(_ wire: WireSocketsAnswer) {
        self.init()
        listening = wire.listening.map { ListeningSocket($0) }
        peers = wire.peers.map { PeerCount($0) }
        states = wire.states.mapValues { Int($0) }
        addresses = wire.addresses
    }
}

extension WireListeningSocket {
    init(_ socket: ListeningSocket) {
        self.init()
        address = socket.address
        port = Fields.small(socket.port)
        pid = Int32(clamping: socket.pid)
        process = socket.process
        backlog = Fields.small(socket.backlog)
        backlogMax = Fields.small(socket.backlogMax)
        service = socket.service
    }
}

extension ListeningSocket {
    init(_ wire: WireListeningSocket) {
        self.init(
            address: wire.address,
            port: Int(wire.port),
            pid: Int(wire.pid),
            process: wire.process,
            backlog: Int(wire.backlog),
            backlogMax: Int(wire.backlogMax)
        )
        service = wire.service
    }
}

extension WirePeerCount {
    init(_ peer: PeerCount) {
        self.init()
        process = peer.process
        remoteAddress = peer.remoteAddress
        remotePort = Fields.small(peer.remotePort)
        localPort = Fields.small(peer.localPort)
        outgoing = peer.outgoing
        count = Fields.small(peer.count)
        service = peer.service
    }
}

extension PeerCount {
    init(_ wire: WirePeerCount) {
        self.init(
            process: wire.process,
            remoteAddress: wire.remoteAddress,
            remotePort: Int(wire.remotePort),
            localPort: Int(wire.localPort),
            outgoing: wire.outgoing,
            count: Int(wire.count)
        )
        service = wire.service
    }
}

extension WireDependencyCheck {
    init(_ check: DependencyCheck) {
        self.init()
        name = check.name
        kind = check.kind
        target = Fields.clipped(check.target, max: 1024)
        healthy = check.healthy
        reason = Fields.clipped(check.reason, max: 512)
        dnsMs = check.dnsMilliseconds ?? -1
        connectMs = check.connectMilliseconds ?? -1
        tlsMs = check.tlsMilliseconds ?? -1
        firstByteMs = check.firstByteMilliseconds ?? -1
        totalMs = check.totalMilliseconds
        status = Fields.small(check.status)
        certificateExpiresAtNs = check.certificateExpires?.nanoseconds ?? 0
        values = check.values
        sinceAtNs = check.since?.nanoseconds ?? 0
        services = check.services
    }
}

extension DependencyCheck {
    init(_ wire: WireDependencyCheck) {
        self.init(name: wire.name, kind: wire.kind, target: wire.target)
        healthy = wire.healthy
        reason = wire.reason
        dnsMilliseconds = Self.phase(wire.dnsMs)
        connectMilliseconds = Self.phase(wire.connectMs)
        tlsMilliseconds = Self.phase(wire.tlsMs)
        firstByteMilliseconds = Self.phase(wire.firstByteMs)
        totalMilliseconds = Fields.finite(wire.totalMs)
        status = Int(wire.status)
        certificateExpires = Fields.optionalTime(wire.certificateExpiresAtNs)
        values = wire.values.mapValues { Fields.finite($0) }
        since = Fields.optionalTime(wire.sinceAtNs)
        services = wire.services
    }

    /// Negative on the wire means that the phase was not reached.
    private static func phase(_ milliseconds: Double) -> Double? {
        milliseconds >= 0 ? Fields.finite(milliseconds) : nil
    }
}
