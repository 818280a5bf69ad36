extension SplitMix64 {
    /// Noise of mean 0 and standard deviation 1, nearly normal: twelve uniform numbers added up.
    package mutating func noise() -> Double {
        var sum = -6.0
        for _ in 0..<12 { sum += unit() }
        return sum
    }

    /// How many of `trials` happen when each does with this probability.
    package mutating func successes(of trials: Int, probability: Double) -> Int {
        var count = 0
        for _ in 0..<trials where unit() < probability { count += 1 }
        return count
    }
}
