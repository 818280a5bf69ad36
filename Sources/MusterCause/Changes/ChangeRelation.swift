import MusterCore

#if canImport(Glibc)
import Glibc
#endif

/// What a diff says about a symptom: how far the one speaks of what the other is about.
struct ChangeRelation {
    let symptom: SymptomIndex
    let weights: ChangeWeights
    /// In how many changes of the window a term is.
    private let termCounts: [String: Int]
    private let identifierCounts: [String: Int]
    private let changesCount: Int

    /// So many changes are taken to be there at least: among two, nothing can be told to be rare.
    private static let changesMin = 12

    init(_ symptom: SymptomIndex, window: [ParsedChange], weights: ChangeWeights) {
        self.symptom = symptom
        self.weights = weights
        var terms: [String: Int] = [:]
        var identifiers: [String: Int] = [:]
        for change in window {
            for term in change.terms { terms[term, default: 0] += 1 }
            let names = Set(change.identifiers.keys).union(change.identifiersContext)
            for name in names { identifiers[name, default: 0] += 1 }
        }
        (termCounts, identifierCounts) = (terms, identifiers)
        changesCount = max(window.count, Self.changesMin)
    }

    /// 0 to 1: how rare something is that so many changes have.
    private func rarity(_ count: Int) -> Double {
        let all = Double(changesCount + 1)
        return max(0, log(all / (Double(count) + 0.5)) / log(all / 0.5))
    }

    func reasons(of change: ParsedChange) -> [ChangeReason] {
        var reasons = [words(change), identifiers(change)]
        if !change.isCosmetic {
            let values = ValueChange.all(in: change)
            reasons += [
                literals(change), owner(change), kind(change, values), value(values), dependency(change),
            ]
            reasons += behaviour(change)
        }
        return reasons.compactMap { $0 }.filter {
            abs($0.weight) >= 0.05 && !weights.without.contains($0.mechanism)
        }
    }

    /// Names in the diff that the symptom has too, and that came or went with it.
    func namesChanged(by change: ParsedChange) -> Bool {
        symptom.identifiers.contains { $0.value >= 0.8 && (change.identifiers[$0.key] ?? 0) != 0 }
    }

    private func words(_ change: ParsedChange) -> ChangeReason? {
        var hits: [(word: String, weight: Double)] = []
        for (term, weight) in symptom.terms {
            let share = change.share(ofTerm: term)
            if share > 0 { hits.append((term, rarity(termCounts[term] ?? 0) * weight * share)) }
        }
        hits.sort { ($1.weight, $0.word) < ($0.weight, $1.word) }
        let sum = hits.reduce(0) { $0 + $1.weight }
        guard sum > 0 else { return nil }
        let shown = hits.prefix(4).map { symptom.words[$0.word] ?? $0.word }.joined(separator: ", ")
        return ChangeReason(
            mechanism: .words,
            weight: weights.words * (1 - exp(-sum / weights.wordsScale)),
            text: "words that the symptom has too: \(shown)"
        )
    }

    private func identifiers(_ change: ParsedChange) -> ChangeReason? {
        var hits: [(name: String, weight: Double)] = []
        for (name, weight) in symptom.identifiers {
            let share = change.share(ofIdentifier: name)
            if share > 0 { hits.append((name, rarity(identifierCounts[name] ?? 0) * weight * share)) }
        }
        hits.sort { ($1.weight, $0.name) < ($0.weight, $1.name) }
        let sum = hits.reduce(0) { $0 + $1.weight }
        guard sum > 0 else { return nil }
        let shown = hits.prefix(3).map { "`\($0.name)`" }.joined(separator: ", ")
        return ChangeReason(
            mechanism: .identifiers,
            weight: weights.identifiers * (1 - exp(-sum / weights.identifiersScale)),
            text: "the symptom names \(shown)"
        )
    }

    private func literals(_ change: ParsedChange) -> ChangeReason? {
        let count = change.trigrams.intersection(symptom.trigrams).count
        guard count > 0 else { return nil }
        return ChangeReason(
            mechanism: .literals,
            weight: weights.literals * (1 - exp(-Double(count) / weights.literalsScale)),
            text: "its lines have what was logged, word for word"
        )
    }

    private func owner(_ change: ParsedChange) -> ChangeReason? {
        let files = change.change.files
        guard
            let file = files.first(where: {
                symptom.files.contains(String($0.split(separator: "/").last ?? ""))
            })
        else { return nil }
        return ChangeReason(mechanism: .owners, weight: weights.owner, text: "a stack passes through \(file)")
    }

    private func kind(_ change: ParsedChange, _ values: [ValueChange]) -> ChangeReason? {
        var net = Set(change.stems.filter { $0.value != 0 }.keys)
        for value in values { net.formUnion(value.keys) }
        if change.change.files.contains(where: {
            $0.lowercased().contains("migration") || $0.hasSuffix(".sql")
        }) {
            net.formUnion(["migration", "schema"].map(ChangeWords.stem))
        }
        let touched = StemSet(change.stems.keys)
        let changedStems = StemSet(net)
        var best: (weight: Double, name: String) = (0, "")
        for (kind, said) in zip(SymptomKind.all, symptom.kinds) where said > 0 {
            let changed = kind.change.filter(changedStems.has)
            let near = kind.change.subtracting(changed).filter(touched.has)
            let manifest = kind.name == "dependencies" && change.kinds.contains(.dependencies) ? 1.0 : 0
            let strength = Double(changed.count) + 0.4 * Double(near.count) + manifest
            let weight = said * (1 - exp(-strength / 1.1))
            if weight > best.weight { best = (weight, kind.name) }
        }
        guard best.weight > 0 else { return nil }
        return ChangeReason(
            mechanism: .kinds,
            weight: weights.kind * best.weight,
            text: "it is about \(best.name), and so is the symptom"
        )
    }

    // MARK: Values

    private func value(_ values: [ValueChange]) -> ChangeReason? {
        var best: ChangeReason?
        for value in values {
            let reason = self.reason(value)
            if reason.weight > best?.weight ?? -.infinity { best = reason }
        }
        return best
    }

    private func reason(_ value: ValueChange) -> ChangeReason {
        let name = value.name.isEmpty ? "a value" : "`\(value.name)`"
        var text = "changed \(name) from \(value.before.text) to \(value.after.text)"
        var seen = 0.0
        if let step = symptom.steps.first(where: {
            $0.after.isSame(as: value.after) && $0.before.isSame(as: value.before)
        }) {
            seen = weights.valueStep
            text += ", as \(step.metric) did"
        } else if symptom.newQuantities.contains(where: value.after.isSame) {
            if symptom.oldQuantities.contains(where: value.before.isSame) {
                seen = weights.valueBeforeAndAfter
                text += ", and failures have the new value where successes had the old one"
            } else if value.after.dimension != .plain || ![0, 1, 2, 3].contains(value.after.value) {
                seen = weights.valueSeen
                text += ", and the symptom says \(value.after.text)"
            }
        }
        var direction = 0.0
        if value.before.value > 0, value.after.value > 0 {
            let doublings = log2(value.after.value / value.before.value)
            let isBound = ChangeWords.matches(any: SymptomKind.bounds, value.keys)
            let isLoad = ChangeWords.matches(any: SymptomKind.loads, value.keys)
            let related = 0.5 + symptom.kind(ofWords: value.keys)
            if isBound, doublings < 0 {
                direction = min(weights.tightenedMax, weights.tightenedPerDoubling * -doublings) * related
            } else if isLoad, doublings > 0 {
                direction = min(weights.raisedMax, weights.raisedPerDoubling * doublings) * related
            } else if isBound, !isLoad, doublings > 0 {
                // More room than before rarely hurts, even where the new value shows.
                direction = weights.loosened * related
                seen = 0
                text += ", which only gives more room"
            }
            seen *= min(1, abs(doublings))
        }
        return ChangeReason(mechanism: .values, weight: seen + direction, text: text)
    }

    // MARK: Dependencies

    private func dependency(_ change: ParsedChange) -> ChangeReason? {
        guard change.kinds.contains(.dependencies), change.hasDiff else { return nil }
        let removed = change.code.filter { $0.sign == .removed }.compactMap { ModuleVersion($0.text) }
        var best: ChangeReason?
        for line in change.code where line.sign == .added {
            guard let module = ModuleVersion(line.text) else { continue }
            let old = removed.first { $0.name == module.name }
            if old?.version == module.version { continue }
            let words = ChangeWords.terms(module.name).filter { !ModuleVersion.commonWords.contains($0) }
            let said =
                words.suffix(2).map { (symptom.terms[$0] ?? 0) * rarity(termCounts[$0] ?? 0) }.max() ?? 0
            guard said > 0 else { continue }
            let weight =
                weights.dependency * module.leap(from: old) * said * (0.4 + symptom.kind("dependencies"))
            let from = old.map { " from \($0.text)" } ?? ""
            if weight > best?.weight ?? 0 {
                best = ChangeReason(
                    mechanism: .dependencies,
                    weight: weight,
                    text: "took \(module.name)\(from) to \(module.text), and the symptom names it"
                )
            }
        }
        return best
    }

    // MARK: Behaviour

    private func behaviour(_ change: ParsedChange) -> [ChangeReason] {
        let removed = change.code.filter { $0.sign == .removed }
        let added = change.code.filter { $0.sign == .added }
        var reasons: [ChangeReason] = []
        let came = StemSet(added.flatMap { ChangeWords.words($0.text).map(ChangeWords.stem) })
        let gone = StemSet(change.stems.filter { $0.value < 0 }.keys)
        let safeguards = SymptomKind.safeguards.filter { gone.has($0.stem) && !came.has($0.stem) }
        if !safeguards.isEmpty {
            reasons.append(
                ChangeReason(
                    mechanism: .behaviour,
                    weight: weights.safeguard + 0.5 * symptom.kind(ofWords: safeguards.map(\.stem)),
                    text: "took out \(safeguards.map(\.word).joined(separator: ", "))"
                )
            )
        }
        let missing = symptom.kind("missing values")
        if missing > 0.3, removed.count(where: \.isGuard) > added.count(where: \.isGuard) {
            reasons.append(
                ChangeReason(
                    mechanism: .behaviour,
                    weight: weights.guardRemoved * missing,
                    text: "took out a check for a missing value, and one was met"
                )
            )
        }
        let disks = symptom.kind("disks")
        if disks > 0.3, ["debug", "trace"].contains(where: { (change.stems[$0] ?? 0) > 0 }) {
            reasons.append(
                ChangeReason(
                    mechanism: .behaviour,
                    weight: weights.verboseLogs * disks,
                    text: "writes far more logs, and a disk is full"
                )
            )
        }
        let piled = max(symptom.kind("threads"), symptom.kind("memory"), symptom.kind("open files"))
        if piled > 0.3, added.count(where: \.startsWork) > removed.count(where: \.startsWork) {
            reasons.append(
                ChangeReason(
                    mechanism: .behaviour,
                    weight: weights.startsWork * piled,
                    text: "starts work in the background, and something piles up"
                )
            )
        }
        if change.hunks.contains(where: Self.hasCallInLoop) {
            let slow =
                symptom.lines.contains { ChangeWords.says($0.line, ["latency", "duration", "slow"]) }
                ? 0.4 : 0
            let related = max(symptom.kind("queries"), symptom.kind("deadlines"), slow)
            reasons.append(
                ChangeReason(
                    mechanism: .behaviour,
                    weight: weights.loop + weights.loopRelated * related,
                    text: "makes a call in each round of a loop"
                )
            )
        }
        return reasons
    }

    private static func hasCallInLoop(_ hunk: [ParsedChange.Line]) -> Bool {
        var isInLoop = false
        for line in hunk where line.sign == .added && !line.isComment {
            if line.isLoop { isInLoop = true } else if isInLoop, line.isRemoteCall { return true }
        }
        return false
    }
}

extension ParsedChange.Line {
    /// Asks whether something is there: `if x == nil {`, `x?.y`.
    fileprivate var isGuard: Bool {
        let words = Set(ChangeWords.parts(text))
        let asks =
            !words.isDisjoint(with: ["if", "unless", "guard"]) || text.contains("?.") || text.contains("??")
        return asks
            && !words.isDisjoint(with: [
                "nil", "null", "none", "undefined", "len", "length", "empty", "ok", "has",
            ])
    }

    /// Starts something that goes on by itself.
    fileprivate var startsWork: Bool {
        let parts = ChangeWords.parts(text)
        return text.contains("go func")
            || !Set(parts).isDisjoint(with: ["thread", "spawn", "submit", "async"])
            || text.contains("Task {")
    }

    fileprivate var isLoop: Bool {
        let words = ChangeWords.parts(text)
        if ["for", "foreach", "while"].contains(words.first ?? "") { return true }
        return text.contains(".forEach(") || text.contains(".map(") || text.contains(".each(")
    }

    /// Calls something whose name says that it asks elsewhere.
    fileprivate var isRemoteCall: Bool {
        let verbs: Set<String> = [
            "get", "fetch", "query", "find", "load", "list", "call", "exec", "select", "lookup", "rpc", "db",
        ]
        return text.split(separator: "(").dropLast().contains { piece in
            let name = piece.reversed().prefix { $0.isLetter || $0.isNumber || $0 == "_" }
            return ChangeWords.parts(String(name.reversed())).contains(where: verbs.contains)
        }
    }
}
