import Dispatch
import Glibc
import MusterAgent
import MusterCore
import MusterIdentity
import NIOCore
import NIOSSL
import Synchronization

/// One simulated host: its name, its keys, and what is wrong with it.
package struct SwarmMember: Sendable {
    package var name: String
    package var id: AgentID
    package var fault: SwarmFault?
    /// Its own, since its certificate is.
    let tls: NIOSSLContext
}

extension SwarmMember {
    /// The folder of an agent's keys, and its name.
    static func name(_ number: Int) -> String {
        let digits = String(number)
        return "sim-" + String(repeating: "0", count: max(0, 5 - digits.count)) + digits
    }

    /// Joins every agent that has no certificate yet, as a real host does, several at once.
    ///
    /// `progress` is told how many have joined, from any thread.
    package static func join(
        _ settings: SwarmSettings,
        token: JoinToken?,
        progress: @escaping @Sendable (Int) -> Void
    ) throws(SwarmError) {
        let missing = (1...settings.agents).map(name)
            .filter { access("\(settings.folder)/\($0)/joined", F_OK) != 0 }
        guard !missing.isEmpty else { return }
        guard let token else {
            throw SwarmError("\(missing.count) agents have not joined yet: give --token-file")
        }
        let work = Mutex((names: missing, joined: 0, failure: SwarmError?.none))
        DispatchQueue.concurrentPerform(iterations: 8) { _ in
            while let name = work.withLock({ $0.failure == nil ? $0.names.popLast() : nil }) {
                let join = HostJoin(
                    coordinator: settings.coordinator,
                    token: token,
                    name: name,
                    folder: "\(settings.folder)/\(name)"
                )
                do throws(AgentError) {
                    _ = try join.run()
                    let joined = work.withLock { work in
                        work.joined += 1
                        return work.joined
                    }
                    progress(joined)
                } catch {
                    work.withLock { $0.failure = SwarmError("\(name) can't join: \(error)") }
                }
            }
        }
        if let failure = work.withLock({ $0.failure }) { throw failure }
    }

    /// Reads the keys of all agents.
    package static func load(_ settings: SwarmSettings) throws(SwarmError) -> [SwarmMember] {
        guard let faults = settings.faults.assign(to: settings.agents, seed: settings.seed) else {
            throw SwarmError("there are more faults than agents")
        }
        var members: [SwarmMember] = []
        for (number, fault) in zip(1..., faults) {
            let folder = "\(settings.folder)/\(name(number))"
            do {
                let key = try read("\(folder)/agent.key")
                var tls = TLSConfiguration.makeClientConfiguration()
                tls.minimumTLSVersion = .tlsv13
                tls.applicationProtocols = ["muster/1"]
                tls.trustRoots = .certificates(
                    try NIOSSLCertificate.fromPEMBytes(try read("\(folder)/ca.crt"))
                )
                // The coordinator is told by its authority and its URI, not by a host's name.
                tls.certificateVerification = .noHostnameVerification
                tls.certificateChain = try NIOSSLCertificate.fromPEMBytes(try read("\(folder)/agent.crt"))
                    .map { .certificate($0) }
                tls.privateKey = .privateKey(try NIOSSLPrivateKey(bytes: key, format: .pem))
                members.append(
                    SwarmMember(
                        name: name(number),
                        id: try TLSKey(pem: key).publicKeyID,
                        fault: fault,
                        tls: try NIOSSLContext(configuration: tls)
                    )
                )
            } catch {
                throw SwarmError("\(folder): \(error)")
            }
        }
        return members
    }

    private static func read(_ path: String) throws -> [UInt8] {
        guard let bytes = try SafeFile.read(path, bytesMax: 1 << 20) else {
            throw SwarmError("\(path) is missing")
        }
        return bytes
    }
}
