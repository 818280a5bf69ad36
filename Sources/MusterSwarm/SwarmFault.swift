/// What a simulated agent does wrong.
package enum SwarmFault: String, Sendable, CaseIterable, Codable {
    /// Takes questions, sends heartbeats, answers nothing.
    case hung
    /// Answers after ``SwarmSettings/slowness``.
    case slow
    /// Closes the connection when a question comes, without a goodbye.
    case crash
    /// Sends the first part of its answer and closes then.
    case crashMidway = "crash-midway"
    /// Sends more bytes and rows than the question's budget allows.
    case oversize
    /// Answers questions that nobody asked: made-up ids, and ids of questions that it answered before.
    case lying
    /// Two connections with one identity, both alive.
    case duplicate
    /// A wall clock that is wrong by ``SwarmSettings/skew``.
    case skewed
    /// Neither reads nor writes once it is online, and does not close: a half-open connection.
    case partitioned
    /// Drops its connection every few seconds.
    case flapping
}

/// How many agents have which fault.
package struct SwarmFaults: Sendable {
    /// One `fault=number` or `fault=percent%`.
    package struct Share: Sendable {
        package var fault: SwarmFault
        /// Of all agents, 0 to 1, or a number of them.
        package var amount: Double
        package var isRatio: Bool
    }

    package var shares: [Share] = []

    package init() {}

    /// Reads `hung=1%` or `crash=10`; nil for anything else.
    package static func share(_ text: String) -> Share? {
        let parts = text.split(separator: "=", maxSplits: 1)
        guard parts.count == 2, let fault = SwarmFault(rawValue: String(parts[0])) else { return nil }
        let isRatio = parts[1].hasSuffix("%")
        guard let number = Double(isRatio ? parts[1].dropLast() : parts[1]), number >= 0 else { return nil }
        if isRatio { return number <= 100 ? Share(fault: fault, amount: number / 100, isRatio: true) : nil }
        return number == number.rounded() ? Share(fault: fault, amount: number, isRatio: false) : nil
    }

    /// The fault of each agent, nil for none; the same for the same seed.
    ///
    /// Nil when there are more faults than agents.
    package func assign(to count: Int, seed: UInt64) -> [SwarmFault?]? {
        var faults: [SwarmFault?] = []
        for share in shares {
            let number = share.isRatio ? share.amount * Double(count) : share.amount
            faults += Array(repeating: share.fault, count: Int(number.rounded()))
        }
        guard faults.count <= count else { return nil }
        faults += Array(repeating: nil, count: count - faults.count)
        var random = SeededRandom(seed)
        return faults.shuffled(using: &random)
    }
}

/// SplitMix64 (Steele, Lea and Flood 2014): the same numbers for the same seed.
struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
