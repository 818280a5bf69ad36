import Glibc

/// The files that a log file was rotated to, which stand beside it.
///
/// Known by their names: `app.log.1`, `app.log.2.gz`, `app.log-20261123`, `app-2026-11-23.log`, `app.log.old`.
struct RotatedSiblings {
    struct Sibling: Sendable {
        var path: String
        var status: FileStatus
        var isGzip: Bool
    }

    /// Siblings that are looked at for one file at most, the newest.
    static let siblingsMax = 64

    /// Rotated files of one log file, oldest first by when they were written to last; empty when there are none.
    ///
    /// Compressed forms other than gzip are left out: nothing here reads them.
    static func of(_ path: String, in files: HostFiles) -> [Sibling] {
        guard let slash = path.lastIndex(of: "/") else { return [] }
        let directory = path[..<slash]
        let name = Array(path[path.index(after: slash)...].utf8)
        guard !name.isEmpty, let open = opendir(files.path(directory.isEmpty ? "/" : String(directory)))
        else {
            return []
        }
        defer { closedir(open) }
        var found: [Sibling] = []
        while let entry = readdir(open) {
            let candidate = entryName(entry)
            guard isSibling(candidate, of: name) else { continue }
            let path = directory + "/" + String(decoding: candidate, as: UTF8.self)
            guard let status = files.status(path), status.isRegular else { continue }
            found.append(Sibling(path: path, status: status, isGzip: candidate.hasSuffix(".gz")))
            if found.count > 4 * siblingsMax { found = newest(found) }
        }
        return newest(found)
    }

    private static func newest(_ siblings: [Sibling]) -> [Sibling] {
        // Of files written in the same instant the one with the greater number is the older.
        siblings.sorted {
            ($0.status.modified, $1.path.utf8.count, $1.path) < (
                $1.status.modified, $0.path.utf8.count, $0.path
            )
        }
        .suffix(siblingsMax)
    }

    private static func entryName(_ entry: UnsafeMutablePointer<dirent>) -> ArraySlice<UInt8> {
        withUnsafeBytes(of: &entry.pointee.d_name) { bytes in Array(bytes.prefix { $0 != 0 })[...] }
    }

    /// Whether one path is what rotation makes of another, in the same directory.
    static func isSibling(_ candidate: String, of path: String) -> Bool {
        guard let slash = path.lastIndex(of: "/"), candidate.hasPrefix(path[...slash]) else { return false }
        let name = Array(path[slash...].utf8.dropFirst())
        let other = Array(candidate.utf8.dropFirst(path[...slash].utf8.count))
        return !other.contains(UInt8(ascii: "/")) && isSibling(other[...], of: name)
    }

    /// Whether one name is what rotation makes of another.
    static func isSibling(_ candidate: ArraySlice<UInt8>, of name: [UInt8]) -> Bool {
        var candidate = candidate
        guard candidate.count > name.count else { return false }
        if candidate.hasSuffix(".gz") { candidate.removeLast(3) }
        if candidate.starts(with: name) { return isMark(candidate.dropFirst(name.count)) }
        // `app.log` becomes `app-20261123.log` or `app.1.log`.
        guard let dot = name.lastIndex(of: UInt8(ascii: ".")), dot > 0 else { return false }
        let (stem, ending) = (name[..<dot], name[dot...])
        guard candidate.count > name.count, candidate.starts(with: stem),
            candidate.suffix(ending.count).elementsEqual(ending)
        else { return false }
        return isMark(candidate.dropFirst(stem.count).dropLast(ending.count))
    }

    /// What rotation puts into a name: a separator, and a number, a date or `old`.
    private static func isMark(_ bytes: ArraySlice<UInt8>) -> Bool {
        guard let separator = bytes.first, [0x2D, 0x2E, 0x5F].contains(separator), bytes.count <= 40 else {
            return false
        }
        let rest = bytes.dropFirst()
        if rest.elementsEqual("old".utf8) || rest.elementsEqual("bak".utf8) { return true }
        var digits = 0
        for byte in rest {
            switch byte {
            case 0x30...0x39: digits += 1
            case 0x2D, 0x2E, 0x3A, 0x5F, UInt8(ascii: "T"), UInt8(ascii: "Z"), UInt8(ascii: "+"): continue
            default: return false
            }
        }
        return digits > 0
    }
}

extension ArraySlice<UInt8> {
    func hasSuffix(_ text: StaticString) -> Bool {
        text.withUTF8Buffer { buffer in suffix(buffer.count).elementsEqual(buffer) }
    }
}
