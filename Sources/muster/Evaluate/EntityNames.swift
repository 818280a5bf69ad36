/// Names of the entities of a case.
///
/// With a seed each gets another one, the same everywhere: nothing that is concluded may depend on it.
struct EntityNames {
    private let seed: UInt64?
    private var renamed: [String: String] = [:]
    private var originals: [String: String] = [:]

    init(seed: UInt64?) { self.seed = seed }

    /// The name that the engine gets to see.
    mutating func name(_ original: String) -> String {
        guard let seed else { return original }
        if let known = renamed[original] { return known }
        // Letters in front, so that the order of the new names has nothing to do with that of the old ones.
        var random = (seed &+ UInt64(renamed.count + 1)) &* 0x9E37_79B9_7F4A_7C15
        random = (random ^ random >> 30) &* 0xBF58_476D_1CE4_E5B9
        random ^= random >> 27
        var name = ""
        for _ in 0..<8 {
            name.unicodeScalars.append(Unicode.Scalar(UInt8(97 + random % 26)))
            random /= 26
        }
        name += "-\(renamed.count)"
        renamed[original] = name
        originals[name] = original
        return name
    }

    /// The same for one that was met already.
    func known(_ original: String) -> String { seed == nil ? original : renamed[original] ?? "" }

    /// Back to what the case calls it.
    func original(_ name: String) -> String { originals[name] ?? name }
}
