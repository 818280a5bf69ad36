/// Who asks for what: a seeded stream of requests as a shop sees them.
struct Shoppers {
    enum Endpoint: Int, CaseIterable, Sendable {
        case catalog
        case cart
        case checkout

        var method: String { self == .catalog ? "GET" : "POST" }

        var path: String {
            switch self {
            case .catalog: "/api/catalog"
            case .cart: "/api/cart"
            case .checkout: "/api/checkout"
            }
        }
    }

    struct Visit {
        var endpoint: Endpoint
        var user: Int
        var items: Int
    }

    /// People with an account.
    static let usersMax = 2000

    /// Of a hundred carts, how many hold 1, 2, 3, … items: 36 of them divide by three.
    static let cartWeights = [14, 15, 16, 12, 10, 12, 7, 6, 8]

    private var random: SplitMix64
    private static let userShares = Self.cumulative((0..<usersMax).map { 1 / (Double($0) + 60) })
    private static let cartShares = Self.cumulative(cartWeights.map(Double.init))

    init(seed: UInt64) { random = SplitMix64(state: seed) }

    /// The next request: 35% look, 20% fill a cart, 45% pay; a few people come far more often than most.
    mutating func next() -> Visit {
        let dice = Double.random(in: 0..<1, using: &random)
        let endpoint: Endpoint = dice < 0.35 ? .catalog : dice < 0.55 ? .cart : .checkout
        return Visit(
            endpoint: endpoint,
            user: Self.pick(Self.userShares, Double.random(in: 0..<1, using: &random)),
            items: Self.pick(Self.cartShares, Double.random(in: 0..<1, using: &random)) + 1
        )
    }

    /// A factor around 1 for the pause before the next request, so that arrivals don't march in step.
    mutating func jitter() -> Double { Double.random(in: 0.5..<1.5, using: &random) }

    private static func cumulative(_ weights: [Double]) -> [Double] {
        let total = weights.reduce(0, +)
        var sum = 0.0
        return weights.map {
            sum += $0 / total
            return sum
        }
    }

    private static func pick(_ shares: [Double], _ value: Double) -> Int {
        var low = 0
        var high = shares.count - 1
        while low < high {
            let middle = (low + high) / 2
            if shares[middle] <= value { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

/// Sebastiano Vigna's SplitMix64: small, seeded, good enough for traffic.
struct SplitMix64: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
