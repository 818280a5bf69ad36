import CLinux

/// CPU time since boot, in clock ticks, summed over all CPUs.
package struct CPUTimes: Hashable, Sendable {
    package var user = 0
    package var system = 0
    package var idle = 0
    package var wait = 0
    package var interrupt = 0
    package var steal = 0

    /// Reads the first line of `/proc/stat`; guest time is part of user time there.
    package init?(procStat bytes: [UInt8]) {
        guard let line = bytes.lines.first(where: { $0.starts(with: "cpu ") }) else { return nil }
        let values = line.words.dropFirst().compactMap(\.decimal)
        guard values.count >= 4 else { return nil }
        user = values[0] &+ values[1]
        system = values[2]
        idle = values[3]
        wait = values.count > 4 ? values[4] : 0
        interrupt = values.count > 6 ? values[5] &+ values[6] : 0
        steal = values.count > 7 ? values[7] : 0
    }

    package var total: Int { user &+ system &+ idle &+ wait &+ interrupt &+ steal }
}

/// Memory, in bytes.
package struct MemoryReading: Hashable, Sendable {
    package var total = 0
    package var available = 0
    package var free = 0
    package var cached = 0
    package var swapTotal = 0
    package var swapFree = 0

    package init?(meminfo bytes: [UInt8]) {
        for line in bytes.lines {
            let words = line.words
            guard words.count >= 2, let value = words[1].decimal else { continue }
            let size = value.multipliedReportingOverflow(by: 1024).partialValue
            switch words[0].text {
            case "MemTotal:": total = size
            case "MemAvailable:": available = size
            case "MemFree:": free = size
            case "Cached:": cached = size
            case "SwapTotal:": swapTotal = size
            case "SwapFree:": swapFree = size
            default: continue
            }
        }
        guard total > 0 else { return nil }
    }
}

/// How many processes want to run.
package struct LoadReading: Hashable, Sendable {
    package var oneMinute: Double
    package var fiveMinutes: Double
    package var fifteenMinutes: Double
    package var runnable: Int
    package var processes: Int

    package init?(loadavg bytes: [UInt8]) {
        let words = (bytes.lines.first ?? []).words
        guard words.count >= 4, let one = words[0].number, let five = words[1].number,
            let fifteen = words[2].number
        else { return nil }
        let counts = words[3].split(separator: UInt8(ascii: "/"))
        guard counts.count == 2, let runnable = counts[0].decimal, let processes = counts[1].decimal else {
            return nil
        }
        self.oneMinute = one
        self.fiveMinutes = five
        self.fifteenMinutes = fifteen
        self.runnable = runnable
        self.processes = processes
    }
}

/// What a block device did since boot.
package struct DiskReading: Hashable, Sendable {
    package var device: String
    package var readBytes: Int
    package var writtenBytes: Int
    package var operations: Int
    package var busyMilliseconds: Int
    /// Time that all operations took together, waiting included.
    package var operationMilliseconds: Int

    /// Reads `/proc/diskstats`; loop and RAM devices, partitions and unused devices are left out.
    ///
    /// A partition follows its disk in the list.
    package static func parse(diskstats bytes: [UInt8]) -> [DiskReading] {
        var readings: [DiskReading] = []
        var disk = ""
        for line in bytes.lines {
            let words = line.words
            guard words.count >= 14 else { continue }
            let name = words[2].text
            let values = words[3...13].map { $0.decimal ?? 0 }
            if isPartition(name, of: disk) { continue }
            disk = name
            guard !name.hasPrefix("loop"), !name.hasPrefix("ram"), values[0] | values[4] != 0,
                readings.count < 64
            else { continue }
            readings.append(
                DiskReading(
                    device: name,
                    readBytes: values[2] &* 512,
                    writtenBytes: values[6] &* 512,
                    operations: values[0] &+ values[4],
                    busyMilliseconds: values[9],
                    operationMilliseconds: values[3] &+ values[7]
                )
            )
        }
        return readings
    }

    /// `sda1` of `sda`, `nvme0n1p1` of `nvme0n1`, but not `dm-10` of `dm-1`.
    private static func isPartition(_ name: String, of disk: String) -> Bool {
        guard let last = disk.last, name.hasPrefix(disk) else { return false }
        var rest = name.dropFirst(disk.count)
        if last.isNumber {
            guard rest.first == "p" else { return false }
            rest = rest.dropFirst()
        }
        return !rest.isEmpty && rest.allSatisfy(\.isNumber)
    }
}

/// What a network interface did since it came up.
package struct NetworkReading: Hashable, Sendable {
    package var interface: String
    package var receivedBytes: Int
    package var sentBytes: Int
    /// Errors and drops in both directions.
    package var faults: Int

    /// Reads `/proc/net/dev`; the loopback interface and unused ones are left out.
    package static func parse(netDev bytes: [UInt8]) -> [NetworkReading] {
        var readings: [NetworkReading] = []
        for line in bytes.lines {
            guard let colon = line.lastIndex(of: UInt8(ascii: ":")), readings.count < 64 else { continue }
            let name = line[..<colon].trimmed.text
            let values = line[(colon + 1)...].words.compactMap(\.decimal)
            guard values.count >= 16, name != "lo", values[0] | values[8] != 0 else { continue }
            readings.append(
                NetworkReading(
                    interface: name,
                    receivedBytes: values[0],
                    sentBytes: values[8],
                    faults: values[2] &+ values[3] &+ values[10] &+ values[11]
                )
            )
        }
        return readings
    }
}

/// Pressure stall information: how long work stood still for want of a resource, in microseconds since boot.
package struct PressureReading: Hashable, Sendable {
    package var resource: String
    /// At least one task stood still.
    package var someMicroseconds: Int?
    /// All tasks stood still; nil where the kernel does not say it.
    package var fullMicroseconds: Int?

    package init(resource: String, pressure bytes: [UInt8]) {
        self.resource = resource
        for line in bytes.lines {
            let total = line.words.first { $0.starts(with: "total=") }?.dropFirst(6).decimal
            if line.starts(with: "some ") { someMicroseconds = total }
            if line.starts(with: "full ") { fullMicroseconds = total }
        }
    }
}

/// A mounted file system.
package struct Mount: Hashable, Sendable {
    package var device: String
    package var path: String
    package var kind: String
    package var isReadOnly = false

    /// Whether it holds data on this host: no network, no kernel interface, no read-only image.
    package var isLocal: Bool {
        guard !isReadOnly else { return false }
        return [
            "ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "jfs", "reiserfs", "vfat", "tmpfs",
            "overlay",
        ]
        .contains(kind)
    }

    /// Reads `/proc/self/mounts`, where blanks in paths are written as `\040`.
    package static func parse(mounts bytes: [UInt8]) -> [Mount] {
        bytes.lines.compactMap { line in
            let words = line.words
            guard words.count >= 3 else { return nil }
            let options = words.count > 3 ? words[3].split(separator: UInt8(ascii: ",")) : []
            return Mount(
                device: words[0].text,
                path: unescape(words[1]),
                kind: words[2].text,
                isReadOnly: options.contains { $0.elementsEqual("ro".utf8) }
            )
        }
    }

    private static func unescape(_ bytes: ArraySlice<UInt8>) -> String {
        var output: [UInt8] = []
        var rest = bytes
        while let byte = rest.popFirst() {
            let octal = rest.prefix(3)
            if byte == UInt8(ascii: "\\"), octal.count == 3, octal.allSatisfy({ (0x30...0x37).contains($0) })
            {
                output.append(octal.reduce(0) { $0 &* 8 &+ ($1 &- 0x30) })
                rest = rest.dropFirst(3)
            } else {
                output.append(byte)
            }
        }
        return String(decoding: output, as: UTF8.self)
    }
}

/// Space of one file system.
package struct SpaceReading: Hashable, Sendable {
    package var mount: Mount
    package var totalBytes: Double
    /// For processes without privilege.
    package var availableBytes: Double
    /// Used share of what such processes can use, as `df` shows it.
    package var usedRatio: Double
    /// Nil where the file system has no fixed number of inodes.
    package var inodesUsedRatio: Double?

    init(mount: Mount, _ status: statvfs) {
        let block = Double(status.f_frsize)
        let used = Double(status.f_blocks) - Double(status.f_bfree)
        let usable = used + Double(status.f_bavail)
        self.mount = mount
        totalBytes = Double(status.f_blocks) * block
        availableBytes = Double(status.f_bavail) * block
        usedRatio = usable > 0 ? used / usable : 1
        inodesUsedRatio =
            status.f_files > 0 ? 1 - Double(status.f_ffree) / Double(status.f_files) : nil
    }
}
