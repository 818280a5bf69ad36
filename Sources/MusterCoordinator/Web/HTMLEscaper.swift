import Mustache

/// Escapes text for HTML scalar by scalar.
///
/// The template library's own escaping goes by characters, so a `<` that a combining mark or a prepended mark has
/// joined passes unescaped: log lines of strangers must not get through that way.
struct HTMLEscaper: MustacheContentType {
    func escapeText(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        result.reserveCapacity(text.unicodeScalars.count)
        for scalar in text.unicodeScalars {
            switch scalar {
            case "<": result.append(contentsOf: "&lt;".unicodeScalars)
            case ">": result.append(contentsOf: "&gt;".unicodeScalars)
            case "&": result.append(contentsOf: "&amp;".unicodeScalars)
            case "\"": result.append(contentsOf: "&quot;".unicodeScalars)
            case "'": result.append(contentsOf: "&#39;".unicodeScalars)
            case "`": result.append(contentsOf: "&#96;".unicodeScalars)
            default: result.append(Self.isPrintable(scalar) ? scalar : "\u{FFFD}")
            }
        }
        return String(result)
    }

    /// Control characters have no place in a page, and marks that turn the direction of text can make one thing
    /// look like another.
    private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x09, 0x0A: true
        case 0x00...0x1F, 0x7F...0x9F, 0x202A...0x202E, 0x2066...0x2069: false
        default: true
        }
    }
}
