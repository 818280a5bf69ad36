import Glibc
import MusterCore

/// Finds the log files that running processes have open for writing.
///
/// A few processes are looked at in each step, so that a step costs well under a millisecond; a round over all of
/// them begins every minute. Not thread-safe; owned by ``LogRecorder``.
struct LogDiscovery {
    /// Files that are found at most.
    static let filesMax = 128
    /// What is followed besides, of no service of its own.
    static let patterns = ["/var/log/*.log", "/var/log/*/*.log", "/var/log/syslog", "/var/log/messages"]

    private static let processesPerStep = 32
    private static let descriptorsMax = 256
    private static let roundSeconds = 60.0

    private struct Writer {
        var process: String
        var service: String
    }

    private let files: HostFiles
    /// Processes of this round that are still to be looked at.
    private var waiting: [String] = []
    private var nextRound = -Double.infinity
    /// Who writes each file that was found.
    private var known: [String: Writer] = [:]
    /// Whether every process was looked at once.
    private(set) var isRound = false

    init(files: HostFiles) { self.files = files }

    /// Looks at a few processes; gives the files that were not known before, and those that are another service's
    /// than was thought: a shell that opened a log may have become the program that it starts.
    mutating func step(seconds: Double) -> [LogFileSettings] {
        if waiting.isEmpty {
            guard seconds >= nextRound else { return [] }
            nextRound = seconds + Self.roundSeconds
            let own = String(getpid())
            waiting = ((try? files.list("/proc")) ?? []).filter { $0.utf8.allSatisfy(\.isDigit) && $0 != own }
        }
        var found: [LogFileSettings] = []
        for process in waiting.suffix(Self.processesPerStep) {
            for path in logs(of: process) {
                let service = service(of: process)
                guard isNews(path, of: service, process) else { continue }
                known[path] = Writer(process: process, service: service)
                found.append(LogFileSettings(path: path, service: service))
            }
        }
        waiting.removeLast(min(waiting.count, Self.processesPerStep))
        isRound = isRound || waiting.isEmpty
        return found
    }

    private func isNews(_ path: String, of service: String, _ process: String) -> Bool {
        guard let writer = known[path] else { return known.count < Self.filesMax }
        guard writer.service != service else { return false }
        // Of several that write one file the first is believed, for as long as it runs.
        return writer.process == process || files.status("/proc/\(writer.process)") == nil
    }

    private func logs(of process: String) -> [String] {
        let folder = "/proc/\(process)/fd"
        guard let names = try? files.list(folder, namesMax: Self.descriptorsMax) else { return [] }
        return names.compactMap { name in
            var status = stat()
            // The link's own rights say what the descriptor is open for.
            guard lstat(files.path("\(folder)/\(name)"), &status) == 0, status.st_mode & 0o200 != 0,
                let path = files.link("\(folder)/\(name)"), Self.isLog(path),
                files.status(path)?.isRegular ?? false
            else { return nil }
            return path
        }
    }

    /// Whether a path is a log's by its name.
    static func isLog(_ path: String) -> Bool {
        guard path.hasPrefix("/"), !path.hasPrefix("/proc/"), let slash = path.lastIndex(of: "/") else {
            return false
        }
        let name = path[path.index(after: slash)...]
        if name.hasSuffix(".log") { return true }
        let isInLogs = path.contains("/log/") || path.contains("/logs/")
        // Binary records, and files of databases that keep what they call a log.
        let isBinary =
            ["wtmp", "btmp", "lastlog", "faillog"].contains { name.hasPrefix($0) }
            || [".journal", ".db", ".gz", ".xz", ".zst", ".pid", ".lock"].contains { name.hasSuffix($0) }
        return isInLogs && !isBinary && name.contains { $0.isLetter }
    }

    /// The unit that a process belongs to, else the process's own name.
    private func service(of process: String) -> String {
        files.unit(of: process) ?? (try? files.text("/proc/\(process)/comm")) ?? ""
    }
}

extension UInt8 {
    fileprivate var isDigit: Bool { (0x30...0x39).contains(self) }
}
