import Foundation
import Testing

/// Agents and coordinators one minor version apart have to understand each other: what was once on the wire stays what it is.
@Suite struct WireHistoryTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent()

    /// Kept as bytes since: on the wire a message within another is that.
    private static let opaque = [
        "AnswerChunk.processes = 13 ProcessesAnswer": "AnswerChunk.processes = 13 bytes"
    ]

    @Test("every field of wire 0.1 still has its number and type; others may have been added")
    func fields() throws {
        let pinned = try String(
            contentsOf: Self.root.appending(path: "wire-0.1.txt"),
            encoding: .utf8
        ).split(separator: "\n").map(String.init)
        #expect(pinned.count > 300)
        let protocols = Self.root.appending(path: "../../Protocols/muster/v1")
        var present: Set<String> = []
        for file in try FileManager.default.contentsOfDirectory(atPath: protocols.path)
        where file.hasSuffix(".proto") {
            let text = try String(contentsOf: protocols.appending(path: file), encoding: .utf8)
            present.formUnion(Self.fields(of: text))
        }
        for line in pinned {
            #expect(present.contains(Self.opaque[line] ?? line), "gone or changed: \(line)")
        }
        // A number that is taken by another field as well would be read as that one.
        let numbers = present.map { $0.split(separator: " ").prefix(3).joined(separator: " ") }
        let keys = numbers.map { line in
            let parts = line.split(separator: " ")
            return parts[0].split(separator: ".").dropLast().joined(separator: ".") + " \(parts[2])"
        }
        #expect(Set(keys).count == keys.count)
    }

    /// `Message.field = number type` of each field, and `Enum.value = number` of each value.
    private static func fields(of text: String) -> [String] {
        var found: [String] = []
        var scopes: [(kind: Substring, name: Substring)] = []
        for line in text.split(separator: "\n") {
            let code = (line.firstRange(of: "//").map { line[..<$0.lowerBound] } ?? line)
                .trimmingCharacters(in: .whitespaces)
            let words = code.split(whereSeparator: { " ;".contains($0) })
            if words.count >= 3, ["message", "enum", "oneof"].contains(words[0]), words[2].hasPrefix("{") {
                if !code.hasSuffix("}") { scopes.append((words[0], words[1])) }
            } else if code == "}" {
                scopes = scopes.dropLast()
            } else if let equals = words.firstIndex(of: "="), equals + 1 < words.count,
                let scope = scopes.last,
                Int(words[equals + 1]) != nil
            {
                let place = scopes.filter { $0.kind != "oneof" }.map(\.name).joined(separator: ".")
                let start = "\(place).\(words[equals - 1]) = \(words[equals + 1])"
                let type = words[..<(equals - 1)].joined(separator: " ")
                found.append(scope.kind == "enum" ? start : "\(start) \(type)")
            }
        }
        return found
    }
}
