extension LogTemplateMiner {
    mutating func add(
        _ line: UnsafeBufferPointer<UInt8>,
        _ start: Int,
        _ count: Int,
        _ key: UInt64
    ) -> Int32 {
        if byKey.count >= templatesMax { forget() }
        let tokens = scratch[..<count].map { token in
            LogToken(hash: token.hash, start: token.start - UInt32(start), end: token.end - UInt32(start))
        }
        let message = Array(line[start..<min(line.count, start + Self.messageBytesMax)])
        let slot = insert(tokens, message, key)
        register(slot)
        return slot
    }

    private mutating func insert(_ tokens: [LogToken], _ message: [UInt8], _ key: UInt64) -> Int32 {
        let slot = free.popLast() ?? Int32(entries.count)
        let entry = Entry(
            key: key,
            count: 0,
            lastLine: lines,
            parent: slot,
            tokens: tokens,
            message: message
        )
        if Int(slot) == entries.count { entries.append(entry) } else { entries[Int(slot)] = entry }
        byKey[key] = slot
        return slot
    }

    /// Makes a template a member of the families that it belongs to, which may join it to another.
    private mutating func register(_ slot: Int32, joining: Bool = true) {
        let tokens = entries[Int(slot)].tokens
        for (position, key) in Self.familyKeys(tokens) {
            guard var family = families[key] else {
                families[key] = Family(first: slot)
                continue
            }
            guard family.count < Self.familyMax else { continue }
            family.others.append(slot)
            families[key] = family
            guard joining else { continue }
            consider(key, family, at: position)
            if entries[Int(slot)].parent != slot { return }
        }
    }

    /// For each word its place and the hash of all other tokens, the place and the length.
    private static func familyKeys(_ tokens: [LogToken]) -> [(position: Int, key: UInt64)] {
        func part(_ position: Int) -> UInt64 {
            mixed(UInt64(tokens[position].hash) | UInt64(position + 1) << 32)
        }
        let whole = tokens.indices.reduce(UInt64(tokens.count)) { $0 &+ part($1) }
        return tokens.indices.prefix(positionsMax).compactMap { position in
            guard tokens[position].hash != LogToken.variable else { return nil }
            return (position, mixed(whole &- part(position) ^ UInt64(position) << 56))
        }
    }

    /// The members of a family that are templates still, each with another word at its place.
    func members(_ key: UInt64, _ family: Family, at position: Int) -> [Int32] {
        ([family.first] + family.others).filter { slot in
            let entry = entries[Int(slot)]
            return entry.parent == slot && position < entry.tokens.count
                && Self.familyKeys(entry.tokens).contains { $0.position == position && $0.key == key }
        }
    }

    private mutating func consider(_ key: UInt64, _ family: Family, at position: Int) {
        let members = members(key, family, at: position)
        guard members.count > 1, let first = members.first else { return }
        let constants = entries[Int(first)].tokens.count { $0.hash != LogToken.variable } - 1
        let least = position > 0 && constants > 1 ? Self.valuesMin : Self.valuesMinWeak
        if members.count >= least, constants > 1 || position > 0 && constants > 0 {
            join(key, members, at: position)
        } else if constants > 1 || position > 0 && constants > 0 {
            doubtful[key] = position
        }
    }

    func areNames(_ members: [Int32], at position: Int) -> Bool {
        let lines = members.reduce(0) { $0 + entries[Int($1)].count }
        return members.count > 1 && lines <= 2 * members.count
            && members.allSatisfy { entries[Int($0)].tokens[position].hash & LogToken.name != 0 }
    }

    /// Makes one template of those that differ in the word at a place.
    mutating func join(_ key: UInt64, _ members: [Int32], at position: Int) {
        guard
            let base = members.max(by: { (entries[Int($0)].count, $1) < (entries[Int($1)].count, $0) })
        else { return }
        var tokens = entries[Int(base)].tokens
        tokens[position].hash = LogToken.variable
        let joined = Self.key(tokens)
        let message = entries[Int(base)].message
        let target: Int32
        if let known = byKey[joined] {
            target = root(known)
            entries[Int(target)].tokens = tokens
            entries[Int(target)].message = message
        } else {
            target = insert(tokens, message, joined)
        }
        families[key] = nil
        doubtful[key] = nil
        let pattern = Pattern(tokens: tokens.map(\.hash), slot: target)
        patterns[tokens.count, default: []].append(pattern)
        for slot in entries.indices where matches(pattern, entries[slot].tokens) {
            absorb(Int32(slot), into: target)
        }
        register(target)
    }

    private mutating func absorb(_ slot: Int32, into target: Int32) {
        guard slot != target, entries[Int(slot)].parent == slot else { return }
        entries[Int(target)].count += entries[Int(slot)].count
        entries[Int(target)].lastLine = max(entries[Int(target)].lastLine, entries[Int(slot)].lastLine)
        entries[Int(slot)].count = 0
        entries[Int(slot)].parent = target
        entries[Int(slot)].tokens = []
        entries[Int(slot)].message = []
    }

    // MARK: Forgetting

    /// Lets go of the quarter of the templates that were not seen for longest.
    private mutating func forget() {
        let kept = entries.indices.filter { entries[$0].parent == $0 && !entries[$0].tokens.isEmpty }
            .sorted { entries[$0].lastLine > entries[$1].lastLine }
            .prefix(templatesMax * 3 / 4)
        forgotten += byKey.count - kept.count
        let isKept = Set(kept)
        free = entries.indices.filter { !isKept.contains($0) }.map { Int32($0) }
        byKey = Dictionary(kept.map { (entries[$0].key, Int32($0)) }, uniquingKeysWith: { $1 })
        families = [:]
        doubtful = [:]
        for length in patterns.keys { patterns[length]?.removeAll { !isKept.contains(Int($0.slot)) } }
        recent = [Recent](repeating: Recent(), count: Self.recentCount)
        for slot in kept.sorted() { register(Int32(slot), joining: false) }
    }
}
