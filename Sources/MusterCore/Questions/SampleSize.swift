/// How many of the hosts that are meant shall be asked, chosen at random: `50` or `5%`.
package enum SampleSize: Hashable, Sendable, Codable, CustomStringConvertible {
    /// So many, or all when there are fewer.
    case hosts(Int)
    /// A share above 0 and up to 1; at least one host.
    case share(Double)

    /// Reads the text form; nil for anything else, also for none and for more than 100%.
    package init?(_ text: some StringProtocol) {
        if text.hasSuffix("%") {
            guard let percent = Double(text.dropLast()), percent > 0, percent <= 100 else { return nil }
            self = .share(percent / 100)
        } else {
            guard let count = Int(text), count > 0 else { return nil }
            self = .hosts(count)
        }
    }

    /// How many of a fleet these are.
    package func count(of population: Int) -> Int {
        switch self {
        case .hosts(let count): min(count, population)
        case .share(let share): min(population, max(1, Int((Double(population) * share).rounded())))
        }
    }

    /// That many of the hosts, each as likely as any other, in the order in which they are given.
    package func chosen<Host>(from hosts: [Host], using random: inout some RandomNumberGenerator) -> [Host] {
        let count = count(of: hosts.count)
        guard count < hosts.count else { return hosts }
        return hosts.indices.shuffled(using: &random).prefix(count).sorted().map { hosts[$0] }
    }

    package var description: String {
        switch self {
        case .hosts(let count): "\(count)"
        case .share(let share): "\(share * 100)%"
        }
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let value = SampleSize(text) else {
            throw DecodingError.dataCorruptedError(
                in: container,
                debugDescription:
                    "expected a number of hosts or a share such as 5%, found \"\(text.prefix(32))\""
            )
        }
        self = value
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
