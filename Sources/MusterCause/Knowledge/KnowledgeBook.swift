import MusterCore
import MusterIncident

#if canImport(Glibc)
import Glibc
#endif

/// How knowledge is used.
package struct KnowledgePolicy: Hashable, Sendable {
    /// Time after which a piece of knowledge counts half, since it was seen last.
    package var halfLife = Duration.seconds(180 * 86_400)
    /// Least similarity of an incident to a piece of knowledge for it to be recalled.
    package var similarityMin = 0.55
    /// Least similarity at which a confirmed incident is the same thing once more.
    package var mergeMin = 0.6
    /// Most that the past may shift a kind of cause, in log-odds, either way.
    package var shiftMax = 1.5
    /// Most pieces of knowledge; when there are more, those of the least weight go.
    package var itemsMax = 2_000

    package init() {}
}

/// All that was learned from closed incidents: takes lessons in and says what an incident is like.
///
/// No I/O and no clock; whoever owns it stores what each change says.
package struct KnowledgeBook: Sendable {
    /// What has to be stored after a change.
    package struct Change: Hashable, Sendable {
        package var stored: [KnowledgeItem] = []
        package var removed: [KnowledgeID] = []

        package init(stored: [KnowledgeItem] = [], removed: [KnowledgeID] = []) {
            self.stored = stored
            self.removed = removed
        }
    }

    package let policy: KnowledgePolicy
    private var items: [KnowledgeID: KnowledgeItem] = [:]
    /// Pieces of knowledge that have a feature.
    private var counts: [IncidentSignature.Feature: Int] = [:]

    package init(_ items: [KnowledgeItem] = [], policy: KnowledgePolicy = KnowledgePolicy()) {
        self.policy = policy
        for item in items { put(item) }
    }

    /// Seen last first.
    package var all: [KnowledgeItem] {
        items.values.sorted { ($1.last, $1.id) < ($0.last, $0.id) }
    }

    package var isEmpty: Bool { items.isEmpty }

    package subscript(id: KnowledgeID) -> KnowledgeItem? { items[id] }

    // MARK: Recalling

    /// What past incidents like this one turned out to be.
    ///
    /// A kind's prior is the logarithm of 1 plus what speaks for it, less that of 1 plus what speaks against it. For it
    /// speaks each similar piece of knowledge of that kind: its similarity, times how often it was seen, times what is
    /// left of its weight, times how reliable it was. Against it: how often that kind was said first for such incidents
    /// and was wrong.
    package func recall(_ signature: IncidentSignature, at now: Timestamp) -> Recollection {
        let alike = items.values.map { (item: $0, similarity: similarity(signature, $0.signature)) }
            .sorted { ($1.similarity, $1.item.last, $1.item.id) < ($0.similarity, $0.item.last, $0.item.id) }
        var (pro, con): ([CauseKind: Double], [CauseKind: Double]) = ([:], [:])
        let similar = alike.filter { $0.similarity >= policy.similarityMin }
        for (item, similarity) in similar.prefix(16) {
            let weight = similarity * item.weight(at: now, halfLife: policy.halfLife)
            if let cause = item.cause {
                pro[cause, default: 0] += weight * Double(item.seen) * item.reliability
            }
            for mistake in item.mistakes { con[mistake.kind, default: 0] += weight * Double(mistake.count) }
        }
        let kinds = Set(pro.keys).union(con.keys).sorted { $0.rawValue < $1.rawValue }
        let priors = kinds.map { kind in
            let shift = log(1 + (pro[kind] ?? 0)) - log(1 + (con[kind] ?? 0))
            return Recollection.Prior(kind: kind, shift: min(max(shift, -policy.shiftMax), policy.shiftMax))
        }
        return Recollection(
            matches: similar.prefix(3).map { $0.item.match($0.similarity) },
            priors: priors.filter { abs($0.shift) >= 0.01 },
            nearest: alike.first?.similarity ?? 0,
            compared: items.count
        )
    }

    private func similarity(_ one: IncidentSignature, _ other: IncidentSignature) -> Double {
        one.similarity(to: other, rarity: rarity)
    }

    /// How telling a feature is, from 1 on.
    ///
    /// The inverse document frequency, smoothed (Salton and Buckley, "Term-weighting approaches in automatic text
    /// retrieval", 1988).
    private func rarity(_ feature: IncidentSignature.Feature) -> Double {
        1 + log(Double(1 + items.count) / Double(1 + (counts[feature] ?? 0)))
    }

    // MARK: Learning

    /// Takes in what a closed incident teaches.
    ///
    /// It joins the most similar piece of knowledge of the same cause and service, or begins a new one.
    package mutating func learn(_ lesson: Lesson, at now: Timestamp) -> Change {
        var changed: Set<KnowledgeID> = []
        for id in lesson.recalled {
            guard var item = items[id] else { continue }
            if item.cause == lesson.cause { item.right += 1 } else { item.wrong += 1 }
            put(item)
            changed.insert(id)
        }
        let same = items.values.filter { $0.cause == lesson.cause && $0.service == lesson.service }
            .map { (item: $0, similarity: similarity(lesson.signature, $0.signature)) }
            .filter { $0.similarity >= policy.mergeMin }
            .max { ($0.similarity, $0.item.last, $0.item.id) < ($1.similarity, $1.item.last, $1.item.id) }
        var item: KnowledgeItem
        if let known = same?.item {
            item = known
            item.take(lesson)
        } else {
            item = KnowledgeItem(lesson)
        }
        put(item)
        changed.insert(item.id)
        let removed = trim(at: now)
        let stored = changed.subtracting(removed).sorted().compactMap { items[$0] }
        return Change(stored: stored, removed: removed)
    }

    /// Puts a piece of knowledge in the place of the one with its id.
    package mutating func replace(_ item: KnowledgeItem, at now: Timestamp) -> Change {
        put(item)
        let removed = trim(at: now)
        return Change(stored: removed.contains(item.id) ? [] : [item], removed: removed)
    }

    /// Takes a piece of knowledge out; false when there is none of this id.
    package mutating func forget(_ id: KnowledgeID) -> Bool {
        guard let item = items.removeValue(forKey: id) else { return false }
        count(item, -1)
        return true
    }

    private mutating func put(_ item: KnowledgeItem) {
        if let old = items.updateValue(item, forKey: item.id) { count(old, -1) }
        count(item, 1)
    }

    private mutating func count(_ item: KnowledgeItem, _ change: Int) {
        for entry in item.signature.entries {
            let left = counts[entry.feature, default: 0] + change
            counts[entry.feature] = left > 0 ? left : nil
        }
    }

    /// What is seen rarely and was long ago goes first.
    private mutating func trim(at now: Timestamp) -> [KnowledgeID] {
        let excess = items.count - policy.itemsMax
        guard excess > 0 else { return [] }
        func worth(_ item: KnowledgeItem) -> Double {
            item.weight(at: now, halfLife: policy.halfLife) * Double(item.seen)
        }
        let least = items.values.map { (id: $0.id, worth: worth($0)) }
            .sorted { ($0.worth, $0.id) < ($1.worth, $1.id) }
        let gone = least.prefix(excess).map(\.id)
        for id in gone { _ = forget(id) }
        return gone
    }
}

extension KnowledgeItem {
    fileprivate func match(_ similarity: Double) -> Recollection.Match {
        Recollection.Match(
            id: id,
            similarity: similarity,
            cause: cause,
            text: text,
            fix: fix,
            seen: seen,
            last: last
        )
    }
}
