import MusterCore
import MusterWire
import Synchronization

/// What is known of every host: its record, its latest Hello, when it was last heard, how its clock differs.
///
/// Kept in memory for speed; whoever owns it writes the hosts of ``takeUnsaved(at:)`` to the store. Name and
/// labels come from the join and stay: a host that calls itself something else later is not believed.
final class FleetRegistry: Sendable {
    /// How a Hello is received.
    enum Verdict: Sendable {
        /// `putBack` says why its action ledger can't be its newest; nil when it can.
        case welcome(HostReference, putBack: String? = nil)
        case refused(String)
        case revoked(String)
        case quarantined(String)
    }

    private struct Member {
        var host: FleetHost
        var clock = ClockEstimate()
        var unsaved = false
        var savedAt = Timestamp.zero
    }

    /// How old the stored time of the last message may become while a host stays connected.
    private static let seenAgeMax: Duration = .seconds(300)

    private let members: Mutex<[AgentID: Member]>
    /// All hosts by name; nil when one has come or changed its name since.
    private let order = Mutex<[AgentID]?>(nil)

    init(hosts: [FleetHost] = []) {
        members = Mutex(Dictionary(uniqueKeysWithValues: hosts.map { ($0.id, Member(host: $0)) }))
    }

    /// All hosts by name.
    var hosts: [FleetHost] {
        let order = order.withLock { order in
            if let order { return order }
            let references = members.withLock { $0.values.map(\.host.reference) }
            let sorted = references.sorted().map(\.id)
            order = sorted
            return sorted
        }
        return members.withLock { members in order.compactMap { members[$0]?.host } }
    }

    func host(_ id: AgentID) -> FleetHost? { members.withLock { $0[id]?.host } }

    /// Name and identity for replies; an unknown host is named by its identity.
    func references(_ ids: [AgentID]) -> [HostReference] {
        members.withLock { members in
            ids.map { members[$0]?.host.reference ?? HostReference(id: $0, name: $0.short) }
        }
    }

    /// Replaces everything by what the store holds.
    func load(_ hosts: [FleetHost]) {
        let loaded = Dictionary(uniqueKeysWithValues: hosts.map { ($0.id, Member(host: $0)) })
        members.withLock { $0 = loaded }
        order.withLock { $0 = nil }
    }

    /// A host joined, or joined again with another token.
    func joined(_ host: FleetHost) {
        members.withLock { members in
            members[host.id, default: Member(host: host)].host.labels = host.labels
            members[host.id]?.host.name = host.name
        }
        order.withLock { $0 = nil }
    }

    /// A host with a valid certificate says Hello.
    func hello(
        _ hello: WireHello,
        from peer: PeerCertificate,
        address: String,
        at now: Timestamp
    ) -> Verdict {
        let id = peer.agent
        return members.withLock { members in
            guard var member = members[id] else {
                return .refused("identity \(id.short) is not in this coordinator's record; join again")
            }
            guard member.host.state != .revoked else {
                return .revoked("identity \(id.short) (\(member.host.name)) was revoked")
            }
            if let reason = member.host.quarantine { return .quarantined(reason) }
            member.host.version = hello.version
            member.host.system = hello.inventory.system
            member.host.kernel = hello.inventory.kernel
            member.host.services = hello.inventory.services
                .map { ServiceVersion(name: $0.name, version: $0.version) }.sorted()
            member.host.address = address
            member.host.certificate = HostCertificate(authority: peer.authority, expires: peer.expires)
            member.clock.reconnected()
            member.host.health = nil
            member.host.linesSampledEvery = nil
            member.unsaved = true
            // It counts with a heartbeat only: a host that was put back tells of none any more once it has heard of it.
            let told = hello.hasLedger ? try? LedgerHead(hello.ledger) : nil
            let putBack = Self.complaint(told, member.host.ledger)
            Self.note(Timestamp(nanoseconds: hello.sentAtNs), in: &member, at: now)
            members[id] = member
            return .welcome(member.host.reference, putBack: putBack)
        }
    }

    /// A host that said Hello is connected from now on.
    func arrived(_ id: AgentID) {
        members.withLock { members in
            guard members[id]?.host.state == .disconnected else { return }
            members[id]?.host.state = .connected
            members[id]?.unsaved = true
        }
    }

    /// A sign of life that says what its clock showed, and how it is.
    func heard(
        _ id: AgentID,
        sentAt: Timestamp,
        health: HealthDigest?,
        linesSampledEvery: Int,
        ledger: LedgerHead? = nil,
        at now: Timestamp
    ) {
        members.withLock { members in
            guard var member = members[id] else { return }
            member.host.health = health
            member.host.linesSampledEvery = linesSampledEvery > 1 ? linesSampledEvery : nil
            Self.note(sentAt, in: &member, at: now)
            Self.note(ledger, in: &member)
            if now - member.savedAt > Self.seenAgeMax { member.unsaved = true }
            members[id] = member
        }
    }

    /// A host said what its clock showed when an answer was ready.
    func heard(_ id: AgentID, clock taken: Timestamp, at now: Timestamp) {
        members.withLock { members in
            guard var member = members[id] else { return }
            Self.note(taken, in: &member, at: now)
            members[id] = member
        }
    }

    /// How much later each of these hosts must look for what is asked, by its own clock; only those whose clock is off.
    func clockShifts(of ids: some Sequence<AgentID>, for probe: Probe) -> [AgentID: Duration] {
        members.withLock { members in
            var shifts: [AgentID: Duration] = [:]
            for id in ids {
                guard let clock = members[id]?.clock, clock.isSure, let lead = clock.lead else { continue }
                shifts[id] = ClockShift.of(lead, for: probe)
            }
            return shifts
        }
    }

    /// The host's connection ended and no other took its place.
    func left(_ id: AgentID, at now: Timestamp) {
        members.withLock { members in
            guard members[id]?.host.state == .connected else { return }
            members[id]?.host.state = .disconnected
            members[id]?.host.health = nil
            members[id]?.host.linesSampledEvery = nil
            members[id]?.unsaved = true
        }
    }

    /// Puts a host apart; false when it is already, or nobody knows it.
    func quarantine(_ id: AgentID, reason: String) -> Bool {
        members.withLock { members in
            guard let host = members[id]?.host, host.state != .revoked, host.quarantine == nil else {
                return false
            }
            members[id]?.host.state = .quarantined
            members[id]?.host.quarantine = reason
            members[id]?.host.health = nil
            members[id]?.unsaved = true
            return true
        }
    }

    /// Trusts a host again; nil when it was not in quarantine.
    func release(_ id: AgentID) -> HostReference? {
        members.withLock { members in
            guard members[id]?.host.state == .quarantined else { return nil }
            members[id]?.host.state = .disconnected
            members[id]?.host.quarantine = nil
            members[id]?.unsaved = true
            return members[id]?.host.reference
        }
    }

    /// Why each of these hosts can't be asked, for people; they are not connected.
    func absence(of ids: some Sequence<AgentID>) -> [AgentID: String] {
        members.withLock { members in
            Dictionary(
                ids.map { ($0, Self.absence(of: members[$0]?.host)) },
                uniquingKeysWith: { first, _ in first }
            )
        }
    }

    private static func absence(of host: FleetHost?) -> String {
        guard let host else { return "nobody knows this identity" }
        if let reason = host.quarantine { return "in quarantine: \(reason)" }
        if host.state == .revoked { return "revoked" }
        guard let seen = host.lastSeen else { return "never connected" }
        return host.state == .connected
            ? "does not read what it is sent" : "not connected, last heard \(seen)"
    }

    /// Never trusts a host again; gives its name when that ended a quarantine.
    func revoked(_ id: AgentID) -> HostReference? {
        members.withLock { members in
            let was = members[id]?.host.quarantine
            members[id]?.host.state = .revoked
            members[id]?.host.quarantine = nil
            return was == nil ? nil : members[id]?.host.reference
        }
    }

    /// Hosts whose record changed since they were last taken.
    func takeUnsaved(at now: Timestamp) -> [FleetHost] {
        members.withLock { members in
            var hosts: [FleetHost] = []
            for (id, member) in members where member.unsaved {
                hosts.append(member.host)
                members[id]?.unsaved = false
                members[id]?.savedAt = now
            }
            return hosts
        }
    }

    /// Hosts that could not be saved after all.
    func returnUnsaved(_ hosts: [FleetHost]) {
        members.withLock { members in
            for host in hosts { members[host.id]?.unsaved = true }
        }
    }

    /// Why a ledger can't be the newest of its host; nil when it can.
    private static func complaint(_ told: LedgerHead?, _ known: LedgerHead?) -> String? {
        guard let told, let known, told.isPutBack(from: known) else { return nil }
        return "its action ledger has \(told.text), and once had \(known.text): its state folder was put back"
    }

    private static func note(_ ledger: LedgerHead?, in member: inout Member) {
        guard let ledger, ledger != member.host.ledger else { return }
        if let known = member.host.ledger, ledger.isPutBack(from: known) { return }
        member.host.ledger = ledger
        member.unsaved = true
    }

    private static func note(_ sentAt: Timestamp, in member: inout Member, at now: Timestamp) {
        member.host.lastSeen = now
        member.clock.note(sentAt - now, at: now)
        member.host.skewMilliseconds = member.clock.lead?.inMilliseconds
        member.host.skewSince = member.clock.since
    }
}
