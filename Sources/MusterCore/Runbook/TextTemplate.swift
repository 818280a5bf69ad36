/// Text with names in braces that are replaced once.
///
/// An example is `Terminated {count} idle connections.`
///
/// What is filled in is never looked at again, so nothing that a host or an alert says can act as a template.
package struct TextTemplate: Hashable, Sendable {
    package enum Part: Hashable, Sendable {
        case text(String)
        case name(String)
    }

    package let parts: [Part]

    /// Reads `{name}` where the name is letters, digits, `.`, `_` and `-`; any other brace is plain text.
    package init(_ source: String) {
        var parts: [Part] = []
        var text = ""
        var rest = Substring(source)
        while let open = rest.firstIndex(of: "{") {
            text += rest[..<open]
            let inside = rest[rest.index(after: open)...]
            let name = inside.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || "._-".contains($0)) }
            if !name.isEmpty, name.endIndex < inside.endIndex, inside[name.endIndex] == "}" {
                if !text.isEmpty { parts.append(.text(text)) }
                text = ""
                parts.append(.name(String(name)))
                rest = inside[inside.index(after: name.endIndex)...]
            } else {
                text += "{"
                rest = inside
            }
        }
        text += rest
        if !text.isEmpty { parts.append(.text(text)) }
        self.parts = parts
    }

    /// The names in it, in order.
    package var names: [String] {
        parts.compactMap { part in
            if case .name(let name) = part { name } else { nil }
        }
    }

    /// Whether there is nothing to fill in.
    package var isLiteral: Bool { names.isEmpty }

    /// The text with all names filled in; nil when `value` doesn't know one of them.
    package func filled(_ value: (String) -> String?) -> String? {
        var text = ""
        for part in parts {
            switch part {
            case .text(let literal): text += literal
            case .name(let name):
                guard let filling = value(name) else { return nil }
                text += filling
            }
        }
        return text
    }
}
