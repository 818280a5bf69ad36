import CLinux

/// One process, from `/proc/PID/stat`.
package struct ProcessReading: Hashable, Sendable {
    package var pid: Int
    package var parent: Int
    package var name: String
    package var state: String
    /// User and system time in clock ticks.
    package var ticks: Int
    package var threads: Int
    /// Clock ticks after boot; with the pid it names a process once and for all.
    package var startTicks: Int
    package var residentPages: Int

    /// Reads the line; the name stands in parentheses and may itself hold blanks and parentheses.
    package init?(stat bytes: [UInt8]) {
        guard let open = bytes.firstIndex(of: UInt8(ascii: "(")),
            let close = bytes.lastIndex(of: UInt8(ascii: ")")), open < close,
            let pid = bytes[..<open].trimmed.decimal
        else { return nil }
        let words = bytes[(close + 1)...].split { $0 == 0x20 || $0 == 0x0A }
        guard words.count >= 22, let parent = words[1].decimal, let user = words[11].decimal,
            let system = words[12].decimal, let threads = words[17].decimal, let start = words[19].decimal
        else { return nil }
        self.pid = pid
        self.parent = parent
        self.name = bytes[(open + 1)..<close].text
        self.state = words[0].text
        self.ticks = user &+ system
        self.threads = threads
        self.startTicks = start
        self.residentPages = words[21].decimal ?? 0
    }
}

extension HostFiles {
    /// The systemd unit that a process belongs to, without `.service`; nil when it belongs to none.
    func unit(of process: String) -> String? {
        guard let groups = try? text("/proc/\(process)/cgroup") else { return nil }
        let parts = groups.split { $0 == "/" || $0 == "\n" }
        return parts.last { $0.hasSuffix(".service") }.map { String($0.dropLast(8)) }
    }
}

extension HostReader {
    /// All processes, by pid; one that ends meanwhile is left out.
    package func processes(max: Int = 32_768) throws(ProbeError) -> [ProcessReading] {
        var readings: [ProcessReading] = []
        for pid in try processIDs() {
            guard readings.count < max else { break }
            guard let bytes = try? files.read("/proc/\(pid)/stat", bytesMax: 4096),
                let reading = ProcessReading(stat: bytes)
            else { continue }
            readings.append(reading)
        }
        return readings
    }

    /// Numbers of all processes.
    package func processIDs() throws(ProbeError) -> [Int] {
        try files.list("/proc").compactMap { name in
            guard let first = name.utf8.first, (0x30...0x39).contains(first) else { return nil }
            return Int(name)
        }
    }

    /// The command line with blanks between its arguments, not masked; empty for kernel threads.
    package func commandLine(of pid: Int) -> String {
        guard var bytes = try? files.read("/proc/\(pid)/cmdline", bytesMax: 4096) else { return "" }
        while bytes.last == 0 { bytes.removeLast() }
        return String(decoding: bytes.map { $0 < 0x20 ? 0x20 : $0 }, as: UTF8.self)
    }

    /// The real user id; nil when the process is gone.
    package func userID(of pid: Int) -> Int? {
        guard let bytes = try? files.read("/proc/\(pid)/status", bytesMax: 8192) else { return nil }
        for line in bytes.lines where line.starts(with: "Uid:") {
            return line.dropFirst(4).words.first?.decimal
        }
        return nil
    }

    /// How many files it holds open; nil when this process may not see it.
    package func openFiles(of pid: Int) -> Int? {
        guard let names = try? files.list("/proc/\(pid)/fd") else { return nil }
        return names.count
    }

    /// How many files it may hold open; nil when there is no limit, or when this process may not see it.
    package func openFilesMax(of pid: Int) -> Int? {
        // Read in a recorded host's place, the pid would be somebody else's.
        guard files.root.isEmpty else { return nil }
        let limit = muster_files_max(Int32(truncatingIfNeeded: pid))
        return limit > 0 ? limit : nil
    }
}
