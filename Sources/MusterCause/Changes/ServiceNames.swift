/// The names of all services, so that no word of a name counts as a word of a text.
///
/// What a service is called says nothing about what is wrong with it: a ranking is the same after all services got
/// other names. Where it failed and what was deployed is told by ``Symptom`` and ``Deploy``.
struct ServiceNames {
    /// Longest first, so that no name is taken for a part of another.
    let names: [String]

    init(_ names: some Sequence<String>) {
        self.names = Set(names).filter { !$0.isEmpty }.sorted {
            ($0.utf8.count, $0) > ($1.utf8.count, $1)
        }
    }

    /// The text with `§` for each name.
    func masked(_ text: String) -> String {
        names.reduce(text) { Self.replace($1, in: $0) }
    }

    func mentioned(in text: String) -> [String] { names.filter { text.contains($0) } }

    private static func replace(_ name: String, in text: String) -> String {
        guard text.contains(name) else { return text }
        let bytes = Array(text.utf8)
        let needle = Array(name.utf8)
        var result: [UInt8] = []
        var index = 0
        while index < bytes.count {
            if bytes[index] == needle[0], bytes[index...].starts(with: needle) {
                result += Array(" § ".utf8)
                index += needle.count
            } else {
                result.append(bytes[index])
                index += 1
            }
        }
        return String(decoding: result, as: UTF8.self)
    }
}
