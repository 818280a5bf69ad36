import MusterTesting

@testable import MusterAgent

/// A disk that fills up, fails to sync, and loses its power in the middle of any of it.
final class SimulatedDisk: LedgerDisk {
    /// Chances of each call.
    struct Faults {
        var appendFails = 0.0
        var syncFails = 0.0
        var losesPower = 0.0
    }

    let path = "ledger"
    var faults = Faults()
    /// Says that it has synced, and has not: the fault that no ledger survives.
    var lies = false
    /// The power went: nothing happens any more until ``restart(random:)``.
    private(set) var isDead = false
    /// What a process sees, and what a power cut leaves.
    private var (seen, kept): ([UInt8], [UInt8])
    private var (seenMark, keptMark): ([UInt8], [UInt8])
    private var random: SplitMix64

    init(ledger: [UInt8], mark: [UInt8], random: SplitMix64) {
        (seen, kept, seenMark, keptMark) = (ledger, ledger, mark, mark)
        self.random = random
    }

    /// The process was killed, or the power went: opens what is left.
    func restart(powerCut: Bool) {
        if powerCut || isDead {
            // What was not synced may be there, in part or not at all.
            let common = zip(seen, kept).prefix { $0 == $1 }.count
            if common == kept.count, seen.count > common {
                seen = Array(seen.prefix(common + Int(random.next() % UInt64(seen.count - common + 1))))
            } else {
                seen = kept
            }
            seenMark = keptMark
            (kept, keptMark) = (seen, seenMark)
        }
        isDead = false
    }

    func readLedger() throws(AgentError) -> [UInt8]? {
        try live()
        return seen
    }

    func readMark() throws(AgentError) -> [UInt8]? {
        try live()
        return seenMark
    }

    func readSentence() throws(AgentError) -> String? { nil }

    /// No simulated coordinator remembers ledgers.
    func condemn(_ reason: String) throws(AgentError) { throw AgentError(.system, reason) }

    func append(_ bytes: [UInt8]) throws(AgentError) {
        try live()
        if strikes(faults.losesPower) {
            seen += bytes.prefix(Int(random.next() % UInt64(bytes.count + 1)))
            throw die()
        }
        if strikes(faults.appendFails) {
            seen += bytes.prefix(Int(random.next() % UInt64(bytes.count + 1)))
            throw AgentError(.system, "no space left on device")
        }
        seen += bytes
    }

    func cut(to length: Int) throws(AgentError) {
        try live()
        seen = Array(seen.prefix(length))
    }

    func sync() throws(AgentError) {
        try live()
        if strikes(faults.losesPower) {
            if random.next() & 1 == 0 { kept = seen }
            throw die()
        }
        if strikes(faults.syncFails) { throw AgentError(.system, "input/output error") }
        if !lies { kept = seen }
    }

    func reserve(_ bytes: Int, after length: Int) throws(AgentError) {
        try live()
        if strikes(faults.appendFails) { throw AgentError(.system, "no space left on device") }
    }

    func writeMark(_ bytes: [UInt8], at place: Int) throws(AgentError) {
        try live()
        if strikes(faults.losesPower) {
            // Torn: a part of it is there.
            let part = Int(random.next() % UInt64(bytes.count + 1))
            keptMark.replaceSubrange(place..<place + part, with: bytes.prefix(part))
            throw die()
        }
        if strikes(faults.syncFails) { throw AgentError(.system, "input/output error") }
        seenMark.replaceSubrange(place..<place + bytes.count, with: bytes)
        if !lies { keptMark = seenMark }
    }

    func replace(with bytes: [UInt8]) throws(AgentError) {
        try live()
        if strikes(faults.losesPower) {
            if random.next() & 1 == 0 { (seen, kept) = (bytes, bytes) }
            throw die()
        }
        if strikes(faults.syncFails) { throw AgentError(.system, "input/output error") }
        (seen, kept) = (bytes, bytes)
    }

    private func strikes(_ chance: Double) -> Bool { chance > 0 && random.unit() < chance }

    private func live() throws(AgentError) {
        if isDead { throw AgentError(.system, "the power is gone") }
    }

    private func die() -> AgentError {
        isDead = true
        return AgentError(.system, "the power is gone")
    }
}
