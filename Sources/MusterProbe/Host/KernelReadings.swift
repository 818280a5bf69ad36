import CLinux
import Glibc

/// What TCP did since boot, over all connections of the network namespace.
package struct TCPReading: Hashable, Sendable {
    package var segmentsSent = 0
    package var segmentsRetransmitted = 0
    /// Connections that were reset while they stood.
    package var resets = 0

    /// Reads `/proc/net/snmp`: a line of names and a line of values for each protocol.
    package init?(netSNMP bytes: [UInt8]) {
        let lines = bytes.lines.filter { $0.starts(with: "Tcp:") }
        guard lines.count == 2 else { return nil }
        for (name, value) in zip(lines[0].words, lines[1].words) {
            guard let value = value.decimal else { continue }
            switch name.text {
            case "OutSegs": segmentsSent = value
            case "RetransSegs": segmentsRetransmitted = value
            case "EstabResets": resets = value
            default: continue
            }
        }
    }
}

/// Open files of the whole system.
package struct FileHandlesReading: Hashable, Sendable {
    package var open: Int
    package var max: Int

    /// Reads `/proc/sys/fs/file-nr`: allocated, free, most.
    package init?(fileNr bytes: [UInt8]) {
        let words = (bytes.lines.first ?? []).words
        guard words.count == 3, let open = words[0].decimal, let max = words[2].decimal, max > 0 else {
            return nil
        }
        self.open = open
        self.max = max
    }
}

/// How far the clock is off, as the program that disciplines it told the kernel.
package struct ClockReading: Hashable, Sendable {
    package var offsetSeconds: Double
    package var isSynchronised: Bool

    /// Asks the kernel (`adjtimex(2)`, read only); nil where it does not say.
    package static func now() -> ClockReading? {
        var status = timex()
        status.modes = 0
        let state = adjtimex(&status)
        guard state >= 0 else { return nil }
        let unit = status.status & Int32(STA_NANO) != 0 ? 1e-9 : 1e-6
        return ClockReading(
            offsetSeconds: Double(status.offset) * unit,
            isSynchronised: state != TIME_ERROR && status.status & Int32(STA_UNSYNC) == 0
        )
    }
}

/// Limits and throttling of a control group, of either version.
package struct ControlGroupReading: Hashable, Sendable {
    /// Path below the root of the hierarchy; empty for the root.
    package var name: String
    /// CPU time used since it was made.
    package var usageMicroseconds: Int?
    /// Time in which it wanted to run and was not let.
    package var throttledMicroseconds: Int?
    package var memoryBytes: Int?
    /// Nil without a limit.
    package var memoryBytesMax: Int?
    package var outOfMemoryKills: Int?
}

extension HostReader {
    package func tcp() throws(ProbeError) -> TCPReading {
        guard let reading = TCPReading(netSNMP: try files.read("/proc/net/snmp")) else {
            throw ProbeError(.malformed, "/proc/net/snmp has no TCP counters")
        }
        return reading
    }

    package func fileHandles() throws(ProbeError) -> FileHandlesReading {
        guard let reading = FileHandlesReading(fileNr: try files.read("/proc/sys/fs/file-nr", bytesMax: 256))
        else {
            throw ProbeError(.malformed, "/proc/sys/fs/file-nr has another shape than expected")
        }
        return reading
    }

    /// Control groups that are of interest: that of the whole (in a container), and one for each service of systemd
    /// and each container, at most `max`.
    package func controlGroups(max: Int = 64) -> [ControlGroupReading] {
        let isSecond = files.status("/sys/fs/cgroup/cgroup.controllers") != nil
        let cpu = isSecond ? "/sys/fs/cgroup" : "/sys/fs/cgroup/cpu"
        var names = [""]
        for parent in ["system.slice", "docker", "kubepods.slice", "machine.slice"] {
            let children = (try? files.list("\(cpu)/\(parent)")) ?? []
            names += children.sorted().filter {
                $0.hasSuffix(".service") || $0.hasSuffix(".scope") || $0.utf8.count == 64
            }
            .map { "\(parent)/\($0)" }
        }
        return names.prefix(max).compactMap { isSecond ? second($0) : first($0) }
    }

    private func second(_ name: String) -> ControlGroupReading? {
        let folder = name.isEmpty ? "/sys/fs/cgroup" : "/sys/fs/cgroup/\(name)"
        var reading = ControlGroupReading(name: name)
        let cpu = pairs("\(folder)/cpu.stat")
        reading.usageMicroseconds = cpu["usage_usec"]
        reading.throttledMicroseconds = cpu["throttled_usec"]
        reading.memoryBytes = number("\(folder)/memory.current")
        reading.memoryBytesMax = number("\(folder)/memory.max")
        reading.outOfMemoryKills = pairs("\(folder)/memory.events")["oom_kill"]
        return reading.isEmpty ? nil : reading
    }

    private func first(_ name: String) -> ControlGroupReading? {
        func path(_ controller: String, _ file: String) -> String {
            "/sys/fs/cgroup/\(controller)/" + (name.isEmpty ? file : "\(name)/\(file)")
        }
        var reading = ControlGroupReading(name: name)
        reading.usageMicroseconds = number(path("cpuacct", "cpuacct.usage")).map { $0 / 1000 }
        reading.throttledMicroseconds = pairs(path("cpu", "cpu.stat"))["throttled_time"].map { $0 / 1000 }
        reading.memoryBytes = number(path("memory", "memory.usage_in_bytes"))
        // Without a limit it says the largest multiple of a page.
        reading.memoryBytesMax = number(path("memory", "memory.limit_in_bytes")).flatMap {
            $0 < 1 << 60 ? $0 : nil
        }
        reading.outOfMemoryKills = pairs(path("memory", "memory.oom_control"))["oom_kill"]
        return reading.isEmpty ? nil : reading
    }

    private func number(_ path: String) -> Int? {
        (try? files.read(path, bytesMax: 64))?[...].lines.first?.trimmed.decimal
    }

    /// Lines of a name and a number.
    private func pairs(_ path: String) -> [String: Int] {
        guard let bytes = try? files.read(path, bytesMax: 4096) else { return [:] }
        var pairs: [String: Int] = [:]
        for line in bytes.lines {
            let words = line.words
            if words.count == 2, let value = words[1].decimal { pairs[words[0].text] = value }
        }
        return pairs
    }
}

extension ControlGroupReading {
    fileprivate var isEmpty: Bool { usageMicroseconds == nil && memoryBytes == nil }
}
