import Logging
import MusterCore
import MusterIdentity
import MusterIncident
import MusterWire
import NIOCore
import NIOEmbedded
import NIOTLS

@testable import MusterCoordinator

/// What an agent may send to the coordinator: the product's own handler of a connection, without sockets and TLS.
///
/// Inputs are messages, each with its length in two bytes in front; they get the numbers that the stream needs. What is left
/// over goes in as it is, so that frames are broken too.
enum CoordinatorTargets {
    static let all = [
        FuzzTarget(name: "agent-stranger") { run($0, as: .stranger) },
        FuzzTarget(name: "agent-expired") { run($0, as: .expired) },
        FuzzTarget(name: "agent-member") { run($0, as: .member) },
        FuzzTarget(name: "agent-answer", run: answer),
    ]

    private enum Peer {
        /// No certificate.
        case stranger
        /// A certificate that may only renew.
        case expired
        /// A host of the fleet that was welcomed.
        case member
    }

    /// Made once: keys and certificates take milliseconds.
    private struct Fleet {
        let trust: FleetTrust
        let id: AgentID
        let valid: [UInt8]
        let expired: [UInt8]

        init?() {
            do {
                let now = CoordinatorTargets.now
                let authority = try CertificateAuthority.create(name: "fuzz", now: now)
                let own = try TLSKey.generate()
                let identity = CoordinatorIdentity(
                    authority: authority,
                    certificate: try authority.issueCoordinator(
                        key: own,
                        names: ["127.0.0.1"],
                        now: now,
                        life: .seconds(3600)
                    ),
                    key: own
                )
                trust = try FleetTrust(identity)
                let key = try TLSKey.generate()
                let request = try key.certificateRequest(name: "fuzz")
                id = key.publicKeyID
                valid = try authority.issueAgent(request: request, now: now, life: .seconds(3600)).der
                expired = try authority.issueAgent(
                    request: request,
                    now: now - .seconds(7200),
                    life: .seconds(3600)
                ).der
            } catch {
                return nil
            }
        }
    }

    private static let now = Timestamp(seconds: 1_795_600_000)
    private static let fleet = Fleet()
    private static let address = try? SocketAddress(ipAddress: "127.0.0.1", port: 7443)

    private static func run(_ bytes: [UInt8], as peer: Peer) {
        guard let fleet else { preconditionFailure("no keys can be made") }
        var configuration = FleetConfiguration()
        configuration.now = { now }
        let loop = EmbeddedEventLoop()
        let hub = FleetHub(
            configuration: configuration,
            trust: fleet.trust,
            group: loop,
            logger: Logger(label: "fuzz") { _ in SwiftLogNoOpLogHandler() }
        )
        hub.registry.load([FleetHost(id: fleet.id, name: "web-1")])
        let certificate: [UInt8]? =
            switch peer {
            case .stranger: nil
            case .expired: fleet.expired
            case .member: fleet.valid
            }
        let gate = GateHandler(hub: hub)
        let channel = EmbeddedChannel(
            handlers: [gate, AgentChannelHandler(hub: hub, gate: gate) { _ in certificate }],
            loop: loop
        )
        if let address { channel.connect(to: address, promise: nil) }
        channel.pipeline.fireUserInboundEventTriggered(
            TLSUserEvent.handshakeCompleted(negotiatedProtocol: FleetGateway.protocolName)
        )
        var sequence: UInt64 = 0
        if case .member = peer {
            var hello = WireHello()
            hello.version = "0.1.0"
            hello.inventory.name = "web-1"
            if let body = try? WireEnvelope(.hello(hello)).serializedBytes() as [UInt8] {
                feed(framed(body, &sequence), into: channel)
            }
            precondition(hub.links.count == 1, "the member is welcome")
        }
        var rest = bytes[...]
        while rest.count >= 2 {
            let length = Int(rest[rest.startIndex]) << 8 | Int(rest[rest.startIndex + 1])
            guard rest.count >= 2 + length else { break }
            feed(framed(Array(rest.dropFirst(2).prefix(length)), &sequence), into: channel)
            rest = rest.dropFirst(2 + length)
        }
        feed(Array(rest), into: channel)
        loop.advanceTime(by: .seconds(60))
        _ = try? channel.finish(acceptAlreadyClosed: true)
        precondition(hub.links.count == 0, "a connection that is gone is forgotten")
    }

    /// A frame with the next number in front of a serialised body.
    private static func framed(_ body: [UInt8], _ sequence: inout UInt64) -> [UInt8] {
        sequence += 1
        let numbers: [UInt8] =
            sequence < 0x80
            ? [1 << 3, UInt8(sequence)]
            : [1 << 3, UInt8(truncatingIfNeeded: sequence) | 0x80, UInt8(truncatingIfNeeded: sequence >> 7)]
        let count = numbers.count + body.count
        return [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: count >> $0) } + numbers + body
    }

    private static func feed(_ bytes: [UInt8], into channel: EmbeddedChannel) {
        guard !bytes.isEmpty, channel.isActive else { return }
        _ = try? channel.writeInbound(channel.allocator.buffer(bytes: bytes))
        channel.embeddedEventLoop.run()
        while let _ = try? channel.readOutbound(as: ByteBuffer.self) {}
    }

    /// Parts of an answer from the engine's decision to the merged text; the first byte chooses the question.
    private static func answer(_ bytes: [UInt8]) {
        guard let first = bytes.first else { return }
        let probe = probes[Int(first) % probes.count]
        let host = HostReference(id: .zero, name: "web-1")
        let question = Question(
            id: QuestionID(at: now),
            probe: probe,
            budget: QuestionBudget()
        )
        var engine = FanOutEngine()
        precondition(engine.ask(question, of: [host.id]) == [.send(question.id, to: host.id)])
        var merger = AnswerMerger(bytesMax: question.budget.bytesMax)
        var replies = 0
        var outcome = Outcome(.ok)
        func note(_ directives: [FanOutEngine.Directive]) -> Bool {
            for case .reply(_, _, let ended) in directives {
                replies += 1
                outcome = ended
            }
            return directives == [.keep(number: 0)]
        }
        var rest = bytes.dropFirst()
        var parts = 0
        while rest.count >= 2 {
            let length = Int(rest[rest.startIndex]) << 8 | Int(rest[rest.startIndex + 1])
            let body = Array(rest.dropFirst(2).prefix(length))
            rest = rest.dropFirst(2 + length)
            guard var chunk = try? WireAnswerChunk(serializedBytes: body) else { continue }
            chunk.index = UInt32(parts)
            let part = FanOutEngine.Part(index: parts, kind: chunk.kind, bytes: body.count, rows: chunk.rows)
            guard note(engine.arrived(part, of: question.id, from: host.id)) else { continue }
            do throws(WireError) {
                try merger.add(chunk)
                parts += 1
            } catch {
                _ = note(engine.unusable(question.id, from: host.id, Outcome(.failed, reason: error.message)))
            }
        }
        _ = note(engine.ended(question.id, at: host.id, with: Outcome(.ok), parts: parts))
        _ = note(engine.expired(question.id))
        precondition(replies == 1, "a host has exactly one outcome")
        let reply = HostReply(
            host: host,
            outcome: outcome,
            answer: outcome.kind.hasAnswer ? merger.answer : nil
        )
        let merged = FleetAnswer(FleetReply(question: question.id, probe: probe, replies: [reply, reply]))
        _ = try? APIBody.data(AskLine(result: merged))
    }

    private static let window = TimeWindow(from: now - .seconds(60), to: now)
    private static let probes: [Probe] = [
        .processes(text: ""), .logs(window: window, service: "", level: nil, text: "", refinement: nil),
        .requests(window: window, service: "", salt: [1], bucketSeconds: 60),
        .metrics(window: window, prefix: ""), .anomalies(window: window, prefix: ""), .sockets(port: 0),
        .dependencies(name: ""), .changes(window: window, service: ""), .facts,
        .sql(target: "", statement: "", settings: []), .ledger(ticket: nil),
    ]
}
