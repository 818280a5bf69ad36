import Glibc

/// Whether what stands at a path could have been put there by somebody else than root or the agent's user.
///
/// A path is gone from the root on, as the kernel does: every folder on the way, and every symbolic link, belongs to
/// root or to the agent's user. No folder can be written by its group or by others, unless it is sticky, as `/tmp` is:
/// there nobody can rename or remove what belongs to somebody else. The last folder may not even be that, or others
/// could put something where nothing is. As each place is looked at before the next, nobody who is not trusted can
/// change the way behind the look.
enum TrustedPath {
    /// As many links as the kernel follows.
    private static let linksMax = 40

    /// The same file's path without symbolic links in its folders, each of which is safe.
    ///
    /// The file itself is not looked at. Throws with the place that is not safe and what to do there.
    static func resolvingFolders(of path: String) throws(AgentError) -> String {
        let (name, isBare) =
            path.lastIndex(of: "/").map { (path[path.index(after: $0)...], false) } ?? (path[...], true)
        guard !name.isEmpty, name != ".", name != ".." else {
            throw AgentError(.configuration, "\(path) names no file")
        }
        let place = try walk(isBare ? "." : SafeFile.folder(of: path))
        guard place.status.st_mode & S_IFMT == S_IFDIR else {
            throw AgentError(.configuration, "\(place.path) is no folder")
        }
        try check(place.status, place.path)
        return place.path == "/" ? "/\(name)" : "\(place.path)/\(name)"
    }

    /// Checks a program, with its folders and those of whatever it links to.
    static func check(program path: String) throws(AgentError) {
        let place = try walk(path)
        guard place.status.st_mode & S_IFMT == S_IFREG else {
            throw AgentError(.configuration, "\(place.path) is no plain file")
        }
        _ = try resolvingFolders(of: place.path)
        try check(place.status, place.path)
    }

    /// Whoever can write it can have the agent do whatever they like: only root and the agent itself may.
    static func check(_ status: stat, _ path: String, sticky: Bool = false) throws(AgentError) {
        guard status.st_uid == 0 || status.st_uid == geteuid() else {
            throw AgentError(
                .configuration,
                "\(path) belongs to user \(status.st_uid); it must belong to root (chown root \(path))"
            )
        }
        // What a link allows is said by what it leads to.
        guard status.st_mode & S_IFMT != S_IFLNK, status.st_mode & 0o022 != 0 else { return }
        guard sticky, status.st_mode & S_IFMT == S_IFDIR, status.st_mode & S_ISVTX != 0 else {
            throw AgentError(
                .configuration,
                "\(path) can be written by its group or by everybody; forbid that (chmod go-w \(path))"
            )
        }
    }

    /// Where a path leads; the folders on the way are checked, the end is not.
    private static func walk(_ path: String) throws(AgentError) -> (path: String, status: stat) {
        var parts = try absolute(path).split(separator: "/").reversed().map(String.init)
        var folders: [String] = []
        var links = 0
        var place = ("/", try status(of: "/"))
        while let part = parts.popLast() {
            guard place.1.st_mode & S_IFMT == S_IFDIR else {
                throw AgentError(.configuration, "\(place.0) is no folder")
            }
            try check(place.1, place.0, sticky: true)
            if part == "." { continue }
            if part == ".." {
                _ = folders.popLast()
            } else {
                let next = "/" + (folders + [part]).joined(separator: "/")
                let found = try status(of: next)
                if found.st_mode & S_IFMT == S_IFLNK {
                    try check(found, next)
                    links += 1
                    guard links <= linksMax else {
                        throw AgentError(.configuration, "\(path) leads through more than \(linksMax) links")
                    }
                    let target = try target(of: next)
                    if target.hasPrefix("/") { folders = [] }
                    parts += target.split(separator: "/").reversed().map(String.init)
                } else {
                    folders.append(part)
                }
            }
            let path = "/" + folders.joined(separator: "/")
            place = (path, try status(of: path))
        }
        return (path: place.0, status: place.1)
    }

    private static func absolute(_ path: String) throws(AgentError) -> String {
        guard !path.hasPrefix("/") else { return path }
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        guard getcwd(&buffer, buffer.count) != nil else {
            throw .system("the working folder is not known", errno: errno)
        }
        return "\(text(buffer.prefix { $0 != 0 }))/\(path)"
    }

    private static func status(of path: String) throws(AgentError) -> stat {
        var status = stat()
        guard lstat(path, &status) == 0 else { throw .system(path, errno: errno) }
        return status
    }

    private static func target(of link: String) throws(AgentError) -> String {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink(link, &buffer, buffer.count)
        guard count > 0, count < buffer.count else { throw .system("\(link) can't be read", errno: errno) }
        return text(buffer.prefix(count))
    }

    private static func text(_ characters: ArraySlice<CChar>) -> String {
        String(decoding: characters.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
