import CLinux
import Glibc

/// Reads the state of a host from `/proc` and `/sys`.
///
/// Each function reads one source and hands the bytes to a parser of its own. What a host does not have (PSI on an
/// old kernel, for example) throws `missing`.
package struct HostReader: Hashable, Sendable {
    package let files: HostFiles

    package init(files: HostFiles = HostFiles()) { self.files = files }

    package func cpu() throws(ProbeError) -> CPUTimes {
        guard let times = CPUTimes(procStat: try files.read("/proc/stat", bytesMax: 4096)) else {
            throw ProbeError(.malformed, "/proc/stat has no \"cpu\" line")
        }
        return times
    }

    package func memory() throws(ProbeError) -> MemoryReading {
        guard let memory = MemoryReading(meminfo: try files.read("/proc/meminfo")) else {
            throw ProbeError(.malformed, "/proc/meminfo has no MemTotal")
        }
        return memory
    }

    package func load() throws(ProbeError) -> LoadReading {
        guard let load = LoadReading(loadavg: try files.read("/proc/loadavg")) else {
            throw ProbeError(.malformed, "/proc/loadavg has another shape than expected")
        }
        return load
    }

    /// Whole disks only, no partitions; devices that never did anything are left out.
    package func disks() throws(ProbeError) -> [DiskReading] {
        DiskReading.parse(diskstats: try files.read("/proc/diskstats"))
    }

    package func network() throws(ProbeError) -> [NetworkReading] {
        NetworkReading.parse(netDev: try files.read("/proc/net/dev"))
    }

    /// One resource of `cpu`, `memory`, `io`.
    package func pressure(_ resource: String) throws(ProbeError) -> PressureReading {
        PressureReading(resource: resource, pressure: try files.read("/proc/pressure/\(resource)"))
    }

    /// Space of every local file system that is mounted from a device.
    ///
    /// File systems over a network are left out: asking one whose server is gone never returns.
    package func space() throws(ProbeError) -> [SpaceReading] {
        var readings: [SpaceReading] = []
        var seen: Set<String> = []
        for mount in Mount.parse(mounts: try files.read("/proc/self/mounts")) {
            guard mount.isLocal, seen.insert(mount.device == "tmpfs" ? mount.path : mount.device).inserted,
                readings.count < 64
            else { continue }
            var status = statvfs()
            guard statvfs(files.path(mount.path), &status) == 0, status.f_blocks > 0 else { continue }
            readings.append(SpaceReading(mount: mount, status))
        }
        return readings
    }

    /// When the kernel started, from `/proc/stat`.
    package func bootTime() throws(ProbeError) -> Int {
        for line in try files.read("/proc/stat", bytesMax: 4 << 20).lines where line.starts(with: "btime ") {
            if let seconds = line.dropFirst(6).trimmed.decimal { return seconds }
        }
        throw ProbeError(.malformed, "/proc/stat has no \"btime\" line")
    }

    /// The kernel's id of this boot: 36 characters.
    package func bootID() throws(ProbeError) -> String { try files.text("/proc/sys/kernel/random/boot_id") }
}
