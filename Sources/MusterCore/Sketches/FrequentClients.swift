/// The networks that most requests came from, in bounded memory, mergeable.
///
/// Addresses are told as networks only, /24 of IPv4 and /48 of IPv6: enough to see that one crowd hurts a service, and
/// no single person. Misra and Gries's summary ("Finding repeated elements", 1982), pruned in batches: every network
/// with more than ``missed`` requests is in it, and no count is too low by more than that. Summaries merge by adding
/// up (Agarwal and others, "Mergeable summaries", 2012).
package struct FrequentClients: Hashable, Sendable {
    /// Requests of one network.
    package struct Count: Hashable, Sendable, Codable {
        /// `10.1.2.0/24`, `2001:db8:1::/48`.
        package var network: String
        package var count: Int
        /// Status 5xx.
        package var errors: Int

        package init(network: String, count: Int, errors: Int) {
            self.network = network
            self.count = count
            self.errors = errors
        }
    }

    /// Networks that are told at most.
    package static let toldMax = 32
    private static let keptMax = 256

    private var counts: [ClientNetwork: Tally] = [:]
    /// Requests by which any count may be too low.
    package private(set) var missed = 0

    private struct Tally: Hashable, Sendable {
        var count = 0
        var errors = 0
    }

    package init() {}

    /// Reads what ``top`` told, with what may be missing.
    package init(_ told: [Count], missed: Int) {
        self.missed = max(0, missed)
        for one in told.prefix(Self.keptMax) {
            guard let network = ClientNetwork(text: one.network) else { continue }
            counts[network, default: Tally()].count = max(0, one.count)
            counts[network, default: Tally()].errors = min(max(0, one.errors), max(0, one.count))
        }
    }

    package var isEmpty: Bool { counts.isEmpty }

    /// Counts a request; an address that is none is left out.
    package mutating func add(_ address: ArraySlice<UInt8>, isError: Bool) {
        guard let network = ClientNetwork(address: address) else { return }
        counts[network, default: Tally()].count += 1
        if isError { counts[network, default: Tally()].errors += 1 }
        if counts.count >= 2 * Self.keptMax { prune(to: Self.keptMax) }
    }

    /// Adds everything that another summary has seen.
    package mutating func merge(_ other: FrequentClients) {
        missed = missed.saturatingAdd(other.missed)
        for (network, more) in other.counts {
            var tally = counts[network] ?? Tally()
            tally.count = tally.count.saturatingAdd(more.count)
            tally.errors = tally.errors.saturatingAdd(more.errors)
            counts[network] = tally
        }
        if counts.count > Self.keptMax { prune(to: Self.keptMax) }
    }

    /// The networks with the most requests, most first, at most ``toldMax``.
    package var top: [Count] {
        let sorted = counts.sorted { ($0.value.count, $1.key.bits) > ($1.value.count, $0.key.bits) }
        return sorted.prefix(Self.toldMax).map {
            Count(network: $0.key.text, count: $0.value.count, errors: $0.value.errors)
        }
    }

    /// What a count of a network that is not told may be at most.
    package var missedInTop: Int {
        let sorted = counts.values.map(\.count).sorted(by: >)
        return missed.saturatingAdd(sorted.count > Self.toldMax ? sorted[Self.toldMax] : 0)
    }

    /// Keeps so many networks: what the largest of the others has is taken from all.
    private mutating func prune(to count: Int) {
        let sorted = counts.values.map(\.count).sorted(by: >)
        guard sorted.count > count else { return }
        let least = sorted[count]
        missed = missed.saturatingAdd(least)
        for (network, tally) in counts {
            let left = tally.count - least
            counts[network] = left > 0 ? Tally(count: left, errors: min(tally.errors, left)) : nil
        }
    }
}

/// In JSON the networks with the most requests and the bound stand, as they go over the wire.
extension FrequentClients: Codable {
    private enum Key: String, CodingKey {
        case networks
        case missed
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        self.init(
            try container.decode([Count].self, forKey: .networks),
            missed: try container.decode(Int.self, forKey: .missed)
        )
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(top, forKey: .networks)
        try container.encode(missedInTop, forKey: .missed)
    }
}

/// A network that clients are in.
struct ClientNetwork: Hashable, Sendable {
    /// The leading bits of the address, at the upper end; below them 4 or 6.
    let bits: UInt64

    /// The network of an address in text; nil for what is none, also for a name.
    init?(address: ArraySlice<UInt8>) {
        if let four = Self.four(address) {
            bits = UInt64(four & 0xFFFF_FF00) << 32 | 4
        } else if let six = Self.six(address) {
            // An IPv4 client of a server that listens on both: `::ffff:10.1.2.3`.
            bits = six
        } else {
            return nil
        }
    }

    init?(text: String) {
        guard let slash = text.utf8.lastIndex(of: UInt8(ascii: "/")) else { return nil }
        self.init(address: Array(text.utf8[..<slash])[...])
    }

    var text: String {
        if bits & 0xFF == 4 { return "\(bits >> 56).\(bits >> 48 & 0xFF).\(bits >> 40 & 0xFF).0/24" }
        let groups = [bits >> 48, bits >> 32 & 0xFFFF, bits >> 16 & 0xFFFF].map { String($0, radix: 16) }
        return "\(groups.joined(separator: ":"))::/48"
    }

    private static func four(_ bytes: ArraySlice<UInt8>) -> UInt32? {
        guard (7...15).contains(bytes.count) else { return nil }
        var (value, part, digits, dots): (UInt32, UInt32, Int, Int) = (0, 0, 0, 0)
        for byte in bytes {
            if byte == UInt8(ascii: ".") {
                guard digits > 0, dots < 3 else { return nil }
                value = value << 8 | part
                (part, digits, dots) = (0, 0, dots + 1)
            } else {
                guard (0x30...0x39).contains(byte), digits < 3 else { return nil }
                part = part * 10 + UInt32(byte - 0x30)
                digits += 1
            }
            guard part <= 255 else { return nil }
        }
        return digits > 0 && dots == 3 ? value << 8 | part : nil
    }

    /// The first three groups of an IPv6 address; of one that holds an IPv4 address that one's network.
    private static func six(_ bytes: ArraySlice<UInt8>) -> UInt64? {
        guard (2...45).contains(bytes.count), bytes.contains(UInt8(ascii: ":")) else { return nil }
        let mapped = Array("::ffff:".utf8)
        if bytes.starts(with: mapped), let four = four(bytes.dropFirst(mapped.count)) {
            return UInt64(four & 0xFFFF_FF00) << 32 | 4
        }
        var groups: [UInt64] = []
        for group in bytes.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false) {
            // Two colons stand for zeros; what comes after them is not part of the network.
            if group.isEmpty { break }
            guard group.count <= 4 else { return nil }
            var value: UInt64 = 0
            for byte in group {
                switch byte {
                case 0x30...0x39: value = value << 4 | UInt64(byte - 0x30)
                case 0x41...0x46: value = value << 4 | UInt64(byte - 0x41 + 10)
                case 0x61...0x66: value = value << 4 | UInt64(byte - 0x61 + 10)
                default: return nil
                }
            }
            groups.append(value)
            if groups.count == 3 { break }
        }
        while groups.count < 3 { groups.append(0) }
        return groups[0] << 48 | groups[1] << 32 | groups[2] << 16 | 6
    }
}
