/// A number that a diff changed.
struct ValueChange {
    /// Stems of the setting's name.
    var keys: Set<String>
    /// The setting as it is written; empty when the number has no name.
    var name: String
    var before: Quantity
    var after: Quantity

    /// Most pairs of lines that are compared in one hunk.
    private static let linesMax = 80

    /// Numbers of lines that went out, each with its new value in an alike line that came in.
    static func all(in change: ParsedChange) -> [ValueChange] {
        change.hunks.flatMap { hunk in
            let removed = hunk.filter { $0.sign == .removed && !$0.isComment }.prefix(linesMax)
            let added = hunk.filter { $0.sign == .added && !$0.isComment }.prefix(linesMax)
                .map { (line: $0.text, words: words($0.text), found: Quantity.all(in: $0.text)) }
                .filter { !$0.found.isEmpty }
            return removed.flatMap { line -> [ValueChange] in
                let found = Quantity.all(in: line.text)
                guard !found.isEmpty else { return [] }
                let own = words(line.text)
                let likes = added.map { (like: likeness(own, $0.words), added: $0) }
                var best: (like: Double, added: (line: String, words: Set<String>, found: [Quantity.Found]))?
                for candidate in likes where candidate.like >= 0.4 && candidate.like > best?.like ?? 0 {
                    best = candidate
                }
                guard let best else { return [] }
                let shared = ChangeWords.terms(line.text).filter(
                    Set(ChangeWords.terms(best.added.line)).contains
                )
                return pairs(found, best.added.found, shared: Set(shared))
            }
        }
    }

    private static func pairs(
        _ before: [Quantity.Found],
        _ after: [Quantity.Found],
        shared: Set<String>
    ) -> [ValueChange] {
        var pairs: [(name: String, before: Quantity, after: Quantity)] = []
        for old in before {
            guard let new = after.first(where: { $0.key == old.key }) else { continue }
            pairs.append((old.key, old.quantity, new.quantity))
        }
        if pairs.isEmpty, before.count == after.count {
            pairs = zip(before, after).map { ($0.key, $0.quantity, $1.quantity) }
        }
        return pairs.compactMap { name, old, new in
            guard old.value != new.value, old.dimension == new.dimension else { return nil }
            var keys = Set(name.split(separator: "_").map { ChangeWords.stem(String($0)) })
            let isTelling = isTelling(keys)
            if pairs.count == 1 || !isTelling { keys.formUnion(shared) }
            // `ctx` in `WithTimeout(ctx, 5*time.Second)` is no setting, but the timeout is.
            let shown = isTelling ? name : shared.sorted().first { Self.isTelling([$0]) } ?? name
            return ValueChange(keys: keys, name: shown, before: old, after: new)
        }
    }

    private static func isTelling(_ keys: Set<String>) -> Bool {
        ChangeWords.matches(any: SymptomKind.bounds, keys)
            || ChangeWords.matches(any: SymptomKind.loads, keys)
    }

    private static func words(_ line: String) -> Set<String> {
        Set(ChangeWords.words(Quantity.without(line))).subtracting(Quantity.unitWords)
    }

    private static func likeness(_ one: Set<String>, _ other: Set<String>) -> Double {
        Double(one.intersection(other).count) / Double(max(1, one.union(other).count))
    }
}
