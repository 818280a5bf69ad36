/// Reads one mapping of a document key by key, and refuses keys that nobody asked for.
///
///     var reader = try DocumentReader(document.root, in: document.name, expecting: "a runbook")
///     let name = try reader.string("name")
///     try reader.finish()
package struct DocumentReader {
    private let file: String
    private let entries: [DocumentEntry]
    private var known: Set<String> = []
    package let position: DocumentPosition

    /// Throws when the node is no mapping; `expecting` says what it should have described.
    package init(_ node: DocumentNode, in file: String, expecting what: String) throws(DocumentError) {
        guard case .mapping(let entries) = node.value else {
            throw DocumentError(
                file: file,
                position: node.position,
                message: "expected \(what) as \"key: value\" lines, found \(node.kindForPeople)"
            )
        }
        self.file = file
        self.entries = entries
        self.position = node.position
    }

    /// The value of a key; nil when it is not there.
    package mutating func node(_ key: String) -> DocumentNode? {
        known.insert(key)
        return entries.first { $0.key == key }?.value
    }

    /// The value of a key that must be there.
    package mutating func required(_ key: String) throws(DocumentError) -> DocumentNode {
        guard let node = node(key) else { throw error(at: position, "missing key \"\(key)\"") }
        return node
    }

    /// Text of a key; nil when it is not there.
    package mutating func string(_ key: String) throws(DocumentError) -> String? {
        guard let node = node(key) else { return nil }
        return try scalar(node, key)
    }

    /// Text of a key that must be there and not be empty.
    package mutating func requiredString(_ key: String) throws(DocumentError) -> String {
        let node = try required(key)
        let text = try scalar(node, key)
        guard !text.isEmpty else { throw error(at: node.position, "\"\(key)\" must not be empty") }
        return text
    }

    /// A path of this host; nil when it is not there.
    ///
    /// Refuses `..`: where it leads is somewhere else as soon as a folder before it becomes a symbolic link.
    package mutating func path(_ key: String) throws(DocumentError) -> String? {
        guard let path = try string(key) else { return nil }
        guard !path.split(separator: "/").contains("..") else {
            throw error(
                at: self.position(of: key),
                "\"\(key)\" must be a path without \"..\", found \"\(path)\""
            )
        }
        return path
    }

    /// `true` or `false`; nil when it is not there.
    package mutating func bool(_ key: String) throws(DocumentError) -> Bool? {
        guard let node = node(key) else { return nil }
        switch try scalar(node, key) {
        case "true", "yes", "on": return true
        case "false", "no", "off": return false
        case let other: throw error(at: node.position, "\"\(key)\" must be true or false, found \"\(other)\"")
        }
    }

    /// A whole number in a range; nil when it is not there.
    package mutating func int(_ key: String, in range: ClosedRange<Int>) throws(DocumentError) -> Int? {
        guard let node = node(key) else { return nil }
        let text = try scalar(node, key)
        guard let value = Int(text), range.contains(value) else {
            throw error(
                at: node.position,
                "\"\(key)\" must be a whole number from \(range.lowerBound) to \(range.upperBound), found \"\(text)\""
            )
        }
        return value
    }

    /// A number; nil when it is not there.
    package mutating func double(_ key: String) throws(DocumentError) -> Double? {
        guard let node = node(key) else { return nil }
        let text = try scalar(node, key)
        guard let value = Double(text), value.isFinite else {
            throw error(at: node.position, "\"\(key)\" must be a number, found \"\(text)\"")
        }
        return value
    }

    /// A time span such as `30s`, `5m`, `1h30m`, `250ms`; nil when it is not there.
    package mutating func duration(_ key: String) throws(DocumentError) -> Duration? {
        guard let node = node(key) else { return nil }
        let text = try scalar(node, key)
        guard let value = Duration(operatorText: text) else {
            throw error(
                at: node.position,
                "\"\(key)\" must be a time span like 30s, 5m or 1h30m, found \"\(text)\""
            )
        }
        return value
    }

    /// A list of texts; empty when the key is not there.
    ///
    /// A single text counts as a list of one.
    package mutating func strings(_ key: String) throws(DocumentError) -> [String] {
        guard let node = node(key) else { return [] }
        guard case .sequence(let items) = node.value else { return [try scalar(node, key)] }
        var texts: [String] = []
        for item in items { texts.append(try scalar(item, key)) }
        return texts
    }

    /// A list of nodes; empty when the key is not there.
    package mutating func list(_ key: String) throws(DocumentError) -> [DocumentNode] {
        guard let node = node(key) else { return [] }
        guard case .sequence(let items) = node.value else {
            throw error(at: node.position, "\"\(key)\" must be a list, found \(node.kindForPeople)")
        }
        return items
    }

    /// A mapping of texts; empty when the key is not there.
    package mutating func map(_ key: String) throws(DocumentError) -> [String: String] {
        guard let node = node(key) else { return [:] }
        guard case .mapping(let entries) = node.value else {
            throw error(
                at: node.position,
                "\"\(key)\" must be \"name: value\" lines, found \(node.kindForPeople)"
            )
        }
        var map: [String: String] = [:]
        for entry in entries { map[entry.key] = try scalar(entry.value, entry.key) }
        return map
    }

    /// Where a key stands; the mapping's own place when it is not there.
    package func position(of key: String) -> DocumentPosition {
        entries.first { $0.key == key }?.value.position ?? position
    }

    /// Refuses the first key that nobody asked for.
    package func finish() throws(DocumentError) {
        guard let stranger = entries.first(where: { !known.contains($0.key) }) else { return }
        let expected = known.sorted().joined(separator: ", ")
        throw error(at: stranger.position, "unknown key \"\(stranger.key)\"; expected one of \(expected)")
    }

    /// An error at a place of this file.
    package func error(at position: DocumentPosition, _ message: String) -> DocumentError {
        DocumentError(file: file, position: position, message: message)
    }

    private func scalar(_ node: DocumentNode, _ key: String) throws(DocumentError) -> String {
        guard case .scalar(let text, _) = node.value else {
            throw error(at: node.position, "\"\(key)\" must be a text or number, found \(node.kindForPeople)")
        }
        return text
    }
}

extension DocumentNode {
    /// The kind of the value in words.
    package var kindForPeople: String {
        switch value {
        case .scalar(let text, _): text.isEmpty ? "nothing" : "\"\(text.prefix(40))\""
        case .sequence: "a list"
        case .mapping: "\"key: value\" lines"
        }
    }
}

extension Duration {
    /// Reads `250ms`, `30s`, `5m`, `1h30m`, `7d`: whole numbers with a unit, largest unit first.
    ///
    /// Nil for anything else, for zero units and for more than ten years.
    package init?(operatorText text: String) {
        let units: [(name: String, milliseconds: Int64)] = [
            ("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000),
        ]
        var total: Int64 = 0
        var rest = Substring(text)
        var last = Int64.max
        guard !rest.isEmpty else { return nil }
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && $0.isNumber }
            rest = rest.dropFirst(digits.count)
            let word = rest.prefix { $0.isASCII && $0.isLetter }
            rest = rest.dropFirst(word.count)
            guard digits.count <= 9, let count = Int64(digits),
                let unit = units.first(where: { $0.name == word }), unit.milliseconds < last
            else { return nil }
            last = unit.milliseconds
            total += count * unit.milliseconds
            guard total <= 315_360_000_000 else { return nil }
        }
        self = .milliseconds(total)
    }

    /// `45 s`, `8 min`, `2 h 5 min`, `3 days`: as a person would say it.
    package var spoken: String {
        let seconds = Int64(inSeconds.rounded())
        switch seconds {
        case ..<0: return "0 s"
        case ..<1: return "\(Int64(inMilliseconds.rounded())) ms"
        case ..<120: return "\(seconds) s"
        case ..<7200: return "\((seconds + 30) / 60) min"
        case ..<172_800:
            let minutes = (seconds + 30) / 60
            return minutes % 60 == 0 ? "\(minutes / 60) h" : "\(minutes / 60) h \(minutes % 60) min"
        default: return "\((seconds + 43_200) / 86_400) days"
        }
    }
}
