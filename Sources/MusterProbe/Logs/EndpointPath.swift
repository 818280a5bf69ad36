/// The path of a request with everything that differs from user to user taken out.
///
/// `/api/orders/4711?page=2` and `/api/orders/4712` are one endpoint: `/api/orders/:id`.
package enum EndpointPath {
    /// What stands for an identifier.
    package static let placeholder = ":id"
    /// Deeper paths are cut off.
    private static let segmentsMax = 12
    private static let bytesMax = 256

    /// Drops scheme, host, query and fragment, and collapses identifiers.
    package static func normalized(_ path: ArraySlice<UInt8>) -> String {
        var rest = path.prefix { $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") }
        if let colon = rest.prefix(8).firstIndex(of: UInt8(ascii: ":")), rest[colon...].starts(with: "://") {
            let afterHost = rest[(colon + 3)...].firstIndex(of: UInt8(ascii: "/"))
            rest = afterHost.map { rest[$0...] } ?? []
        }
        var output = ""
        var segments = 0
        for segment in rest.split(separator: UInt8(ascii: "/")) {
            segments += 1
            guard segments <= segmentsMax, output.utf8.count < bytesMax else {
                output += "/…"
                break
            }
            output += "/"
            output += isIdentifier(segment) ? placeholder : segment.text
        }
        return output.isEmpty ? "/" : output
    }

    /// Whether a segment names one thing among many.
    ///
    /// So do numbers, UUIDs, long hexadecimal words, e-mail addresses, words with four digits or more, and words
    /// too long to have been chosen by a person. `v2` and `oauth2` stay.
    private static func isIdentifier(_ segment: ArraySlice<UInt8>) -> Bool {
        var digits = 0
        var hexadecimal = true
        var other = false
        for byte in segment {
            switch byte {
            case 0x30...0x39: digits += 1
            case 0x41...0x46, 0x61...0x66, UInt8(ascii: "-"): continue
            case UInt8(ascii: "@"): return true
            case UInt8(ascii: "%"), 0x80...: other = true
            default: hexadecimal = false
            }
        }
        if digits == segment.count || digits >= 4 { return true }
        if hexadecimal, digits > 0, segment.count >= 8 { return true }
        if digits > 0, segment.count >= 16 { return true }
        return segment.count > 48 || other && segment.count > 24
    }
}
