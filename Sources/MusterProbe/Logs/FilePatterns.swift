import CLinux
import Glibc

/// Finds the files that patterns match, and reads directories again only when something in them changed.
///
/// A pattern is an absolute path in which `*`, `?` and `[…]` stand for part of a name and `**` for any directories.
struct FilePatterns {
    /// Directories that one input may lead through at most.
    private static let directoriesMax = 1_024
    /// How deep `**` goes.
    private static let depthMax = 8
    /// Files that one input may name at most.
    private static let matchesMax = 50_000
    /// A directory that changed so lately may have changed again within the same tick of the clock that stamps it.
    private static let settled: Int64 = 2_000_000_000

    private struct Input {
        var parts: [[Substring]]
        /// When each directory that was looked into was changed; 0 where there is none.
        var directories: [String: Int64] = [:]
        var hasWildcard: Bool
        var isSettled = false
        /// What a walk has found so far.
        var matches: [String] = []
    }

    private let files: HostFiles
    private var inputs: [Input] = []
    /// Inputs of which something was left out for want of bounds.
    private(set) var isCut = false

    init(files: HostFiles) { self.files = files }

    /// Adds the paths and patterns of one input; returns its number.
    mutating func add(_ patterns: [String]) -> Int {
        let parts = patterns.map { $0.split(separator: "/") }
        inputs.append(Input(parts: parts, hasWildcard: patterns.contains(where: Self.isWild)))
        return inputs.count - 1
    }

    /// Whether the files of an input may be others than at the last ``matches(of:)``; costs one call for each directory.
    func mayHaveChanged(_ input: Int) -> Bool {
        let input = inputs[input]
        guard input.hasWildcard else { return true }
        return !input.isSettled
            || input.directories.contains { files.status($0.key)?.modified ?? 0 != $0.value }
    }

    /// What an input matches now, sorted; a path without wildcard matches itself, there or not.
    mutating func matches(of number: Int) -> [String] {
        var input = inputs[number]
        guard input.hasWildcard else { return input.parts.map { "/" + $0.joined(separator: "/") } }
        input.directories.removeAll(keepingCapacity: true)
        input.matches = []
        for parts in input.parts { walk("", parts[...], depth: 0, isFixed: true, &input) }
        let now = Int64(Self.fileClock)
        input.isSettled = input.directories.values.allSatisfy { abs(now - $0) > Self.settled }
        let found = input.matches.sorted()
        input.matches = []
        inputs[number] = input
        return found
    }

    /// Follows a pattern from a directory on; `isFixed` while no wildcard was passed.
    private mutating func walk(
        _ directory: String,
        _ parts: ArraySlice<Substring>,
        depth: Int,
        isFixed: Bool,
        _ input: inout Input
    ) {
        guard let part = parts.first else { return }
        let rest = parts.dropFirst()
        guard input.matches.count < Self.matchesMax, input.directories.count < Self.directoriesMax else {
            isCut = true
            return
        }
        if isFixed, !Self.isWild(String(part)) {
            if rest.isEmpty { input.matches.append(directory + "/" + part) }
            return walk(directory + "/" + part, rest, depth: depth, isFixed: true, &input)
        }
        let here = directory.isEmpty ? "/" : directory
        input.directories[here] = files.status(here)?.modified ?? 0
        if part == "**" {
            // Any directories, also none.
            walk(directory, rest.isEmpty ? ["*"] : rest, depth: depth, isFixed: false, &input)
            guard depth < Self.depthMax else {
                isCut = true
                return
            }
            for name in names(in: here, like: nil, directories: true) {
                walk(directory + "/" + name, parts, depth: depth + 1, isFixed: false, &input)
            }
        } else if Self.isWild(String(part)) {
            for name in names(in: here, like: String(part), directories: !rest.isEmpty) {
                if rest.isEmpty {
                    input.matches.append(directory + "/" + name)
                } else {
                    walk(directory + "/" + name, rest, depth: depth, isFixed: false, &input)
                }
            }
        } else if rest.isEmpty {
            let path = directory + "/" + part
            if files.status(path)?.isRegular ?? false { input.matches.append(path) }
        } else {
            walk(directory + "/" + part, rest, depth: depth, isFixed: false, &input)
        }
    }

    /// Names in a directory that look like a pattern and are directories, or are none.
    ///
    /// Without a pattern links are left out too: they may lead back.
    private func names(in directory: String, like pattern: String?, directories: Bool) -> [String] {
        guard let open = opendir(files.path(directory)) else { return [] }
        defer { closedir(open) }
        var names: [String] = []
        while names.count < Self.matchesMax, let entry = readdir(open) {
            let kind = Int32(entry.pointee.d_type)
            let mayLeadOn = kind == DT_DIR || kind == DT_UNKNOWN || kind == DT_LNK && pattern != nil
            guard directories ? mayLeadOn : kind != DT_DIR else { continue }
            let name: String? = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                let text = UnsafeRawPointer(pointer).assumingMemoryBound(to: CChar.self)
                return fnmatch(pattern ?? "*", text, FNM_PERIOD) == 0 ? String(cString: text) : nil
            }
            if let name { names.append(name) }
        }
        return names
    }

    private static func isWild(_ text: String) -> Bool {
        text.utf8.contains { $0 == 0x2A || $0 == 0x3F || $0 == 0x5B }
    }

    /// The clock that stamps files, in nanoseconds.
    private static var fileClock: Int {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME_COARSE, &time)
        return time.tv_sec * 1_000_000_000 + time.tv_nsec
    }
}
