/// A library and its version, as a manifest says it: `github.com/x/y v1.2.3`, `"left-pad": "^1.3.0"`.
struct ModuleVersion {
    var name: String
    /// Major, minor and patch, as far as they are given.
    var version: [Int]

    /// Parts of module names that name no module.
    static let commonWords: Set<String> = [
        "com", "github", "org", "golang", "google", "net", "sdk", "v2", "v3", "v4", "v5",
    ]

    /// Nil when the line names no version.
    init?(_ line: String) {
        let pieces = line.split { " \t\"'=:,^~@<>()[]".contains($0) }
        guard
            let index = pieces.firstIndex(where: { Self.version($0) != nil }), index > 0,
            let version = Self.version(pieces[index])
        else { return nil }
        let name = pieces[..<index].last { $0.contains { $0.isLetter } && $0 != "version" && $0 != "require" }
        guard let name else { return nil }
        self.name = String(name)
        self.version = version
    }

    var text: String { version.map(String.init).joined(separator: ".") }

    /// How much may have changed: a patch least, a major version most.
    func leap(from old: ModuleVersion?) -> Double {
        guard let old else { return 1 }
        if old.version.first != version.first { return 1.3 }
        return old.version.dropFirst().first == version.dropFirst().first ? 0.5 : 1
    }

    private static func version(_ piece: Substring) -> [Int]? {
        let digits = piece.first == "v" ? piece.dropFirst() : piece
        let core = digits.prefix { $0.isNumber || $0 == "." }
        let numbers = core.split(separator: ".").compactMap { Int($0) }
        guard core.contains("."), numbers.count >= 2,
            core.count == digits.count || digits.dropFirst(core.count).first == "-"
        else { return nil }
        return Array(numbers.prefix(3))
    }
}
