/// The path of a request with everything that differs from user to user taken out, as far as its words tell.
///
/// `/api/orders/4711?page=2` and `/api/orders/4712` are one endpoint: `/api/orders/:id`. Static files are one endpoint
/// for each folder and kind: `/assets/*.js`. Names that only traffic tells from routes: ``PathTree``.
package enum EndpointPath {
    /// What stands for an identifier.
    package static let placeholder = ":id"
    /// Deeper paths are cut off.
    static let segmentsMax = 12
    static let bytesMax = 256
    static let slash = UInt8(ascii: "/")
    /// What stands for the rest of a path that is cut off.
    static let cut = Array("…".utf8)

    /// Drops scheme, host, query and fragment, and collapses identifiers.
    package static func normalized(_ path: ArraySlice<UInt8>) -> String {
        var output: [UInt8] = []
        forEachSegment(of: path) { segment in
            guard output.count < bytesMax else { return false }
            output.append(slash)
            switch segment {
            case .name(let bytes): output.append(contentsOf: bytes.prefix(bytesMax))
            case .identifier: output.append(contentsOf: placeholder.utf8)
            case .files(let kind): output.append(contentsOf: [UInt8(ascii: "*")] + kind)
            case .rest: output.append(contentsOf: cut)
            }
            return true
        }
        return output.isEmpty ? "/" : String(decoding: output, as: UTF8.self)
    }

    /// One part of a path between slashes.
    enum Segment {
        case name(ArraySlice<UInt8>)
        /// Names one thing among many.
        case identifier
        /// All files whose names end in this, a dot first, here and below.
        case files(ArraySlice<UInt8>)
        /// Whatever comes after as many segments as are told.
        case rest
    }

    /// Hands over the segments in order, until it gets false.
    static func forEachSegment(of path: ArraySlice<UInt8>, _ visit: (Segment) -> Bool) {
        var place = start(of: path)
        var end = place
        while end < path.endIndex, path[end] != UInt8(ascii: "?"), path[end] != UInt8(ascii: "#") { end += 1 }
        let kind = fileKind(path[place..<end])
        var segments = 0
        while place < end {
            guard path[place] != slash else {
                place += 1
                continue
            }
            let begin = place
            while place < end, path[place] != slash { place += 1 }
            segments += 1
            guard segments <= segmentsMax else {
                _ = visit(.rest)
                return
            }
            // Of a file its folder at the top is told, and what kind it is.
            if let kind, segments == 2 || place == end {
                _ = visit(.files(kind))
                return
            }
            let segment = path[begin..<place]
            guard visit(isIdentifier(segment) ? .identifier : .name(segment)) else { return }
        }
    }

    /// Where the path begins in `https://shop.example.org/path`; the start for what has no scheme.
    private static func start(of path: ArraySlice<UInt8>) -> Int {
        guard path.first != slash, let colon = path.prefix(8).firstIndex(of: UInt8(ascii: ":")),
            path[colon...].starts(with: "://")
        else { return path.startIndex }
        return path[(colon + 3)...].firstIndex(of: slash) ?? path.endIndex
    }

    /// The ending of a static file's name with its dot; nil for what may be a program's answer.
    private static func fileKind(_ path: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        var letters: UInt64 = 0
        var index = path.endIndex
        while index > path.startIndex, path.endIndex - index < 7 {
            index -= 1
            let byte = path[index]
            if byte == UInt8(ascii: ".") { return fileKinds.contains(letters) ? path[index...] : nil }
            guard byte != slash else { return nil }
            letters = letters << 8 | UInt64((0x41...0x5A).contains(byte) ? byte | 0x20 : byte)
        }
        return nil
    }

    /// Endings of files that servers send as they lie on disk, each as the number that its letters make backwards.
    private static let fileKinds: Set<UInt64> = Set(
        [
            "js", "mjs", "css", "map", "png", "jpg", "jpeg", "gif", "svg", "ico", "webp", "avif", "woff",
            "woff2",
            "ttf", "otf", "eot", "mp4", "webm", "mp3", "wasm", "txt",
        ].map { $0.utf8.reversed().reduce(0) { $0 << 8 | UInt64($1) } }
    )

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
        if segment.count == 3, segment.elementsEqual(placeholder.utf8) { return true }
        return segment.count > 48 || other && segment.count > 24
    }
}
