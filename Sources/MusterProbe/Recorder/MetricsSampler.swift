import MusterCore

/// Turns what the kernel counts into values of the moment: shares, sizes and rates.
///
/// Rates need two looks, so the first sample has none. What a host does not have is left out.
struct MetricsSampler {
    /// What one look saw.
    struct Look {
        var cpu: CPUTimes?
        var memory: MemoryReading?
        var load: LoadReading?
        var disks: [DiskReading] = []
        var network: [NetworkReading] = []
        var pressures: [PressureReading] = []
        var tcp: TCPReading?
        var handles: FileHandlesReading?
        /// Looked at less often: these change slowly, or cost more.
        var space: [SpaceReading] = []
        var clock: ClockReading?
        var groups: [ControlGroupReading]?

        init() {}

        /// Reads the host; what can't be read stays empty.
        init(_ reader: HostReader, withSpace: Bool) {
            tcp = try? reader.tcp()
            handles = try? reader.fileHandles()
            cpu = try? reader.cpu()
            memory = try? reader.memory()
            load = try? reader.load()
            disks = (try? reader.disks()) ?? []
            network = (try? reader.network()) ?? []
            pressures = ["cpu", "memory", "io"].compactMap { try? reader.pressure($0) }
            guard withSpace else { return }
            space = (try? reader.space()) ?? []
            clock = ClockReading.now()
            groups = reader.controlGroups()
        }
    }

    private var last: Look?
    /// The last look at control groups, by name, and when it was.
    private var groups: [String: ControlGroupReading] = [:]
    private var groupsAt: ContinuousClock.Instant?

    init() {}

    /// Values of this look, with rates over the time since the one before.
    mutating func values(_ look: Look, elapsed: Duration) -> [MetricKey: Double] {
        var values: [MetricKey: Double] = [:]
        if let load = look.load {
            values[MetricKey("load_one")] = load.oneMinute
            values[MetricKey("processes_runnable")] = Double(load.runnable)
            values[MetricKey("processes_total")] = Double(load.processes)
        }
        if let memory = look.memory { Self.add(memory, to: &values) }
        for space in look.space {
            values[MetricKey("filesystem_used_ratio", space.mount.path)] = space.usedRatio
            values[MetricKey("filesystem_available_bytes", space.mount.path)] = space.availableBytes
            if let inodes = space.inodesUsedRatio {
                values[MetricKey("filesystem_inodes_used_ratio", space.mount.path)] = inodes
            }
        }
        if let handles = look.handles {
            values[MetricKey("files_open")] = Double(handles.open)
            values[MetricKey("files_open_ratio")] = Double(handles.open) / Double(handles.max)
        }
        if let clock = look.clock {
            values[MetricKey("clock_offset_seconds")] = clock.offsetSeconds
            values[MetricKey("clock_synchronised")] = clock.isSynchronised ? 1 : 0
        }
        if let groups = look.groups { addGroups(groups, to: &values) }
        if let last, elapsed > .milliseconds(50) { Self.addRates(last, look, elapsed.inSeconds, to: &values) }
        last = look
        return values
    }

    private mutating func addGroups(_ readings: [ControlGroupReading], to values: inout [MetricKey: Double]) {
        let now = ContinuousClock.now
        let seconds = groupsAt.map { ($0.duration(to: now)).inSeconds } ?? 0
        groupsAt = now
        for reading in readings {
            let subject = reading.name.isEmpty ? "/" : reading.name
            if let bytes = reading.memoryBytes {
                values[MetricKey("cgroup_memory_bytes", subject)] = Double(bytes)
                if let max = reading.memoryBytesMax, max > 0 {
                    values[MetricKey("cgroup_memory_used_ratio", subject)] = Double(bytes) / Double(max)
                }
            }
            guard let before = groups[reading.name], seconds > 1 else { continue }
            if let old = before.usageMicroseconds, let new = reading.usageMicroseconds, new >= old {
                values[MetricKey("cgroup_cpu_ratio", subject)] = Double(new - old) / 1e6 / seconds
            }
            if let old = before.throttledMicroseconds, let new = reading.throttledMicroseconds, new >= old {
                values[MetricKey("cgroup_throttled_ratio", subject)] = Double(new - old) / 1e6 / seconds
            }
            if let old = before.outOfMemoryKills, let new = reading.outOfMemoryKills, new >= old {
                values[MetricKey("cgroup_oom_kills", subject)] = Double(new - old)
            }
        }
        groups = Dictionary(readings.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
    }

    private static func add(_ memory: MemoryReading, to values: inout [MetricKey: Double]) {
        let total = Double(memory.total)
        values[MetricKey("memory_available_bytes")] = Double(memory.available)
        values[MetricKey("memory_used_ratio")] = min(1, max(0, 1 - Double(memory.available) / total))
        values[MetricKey("memory_cached_bytes")] = Double(memory.cached)
        if memory.swapTotal > 0 {
            values[MetricKey("swap_used_ratio")] = 1 - Double(memory.swapFree) / Double(memory.swapTotal)
        }
    }

    private static func addRates(
        _ last: Look,
        _ look: Look,
        _ seconds: Double,
        to values: inout [MetricKey: Double]
    ) {
        func put(_ key: MetricKey, _ before: Int?, _ now: Int?, scale: Double = 1, isRatio: Bool = false) {
            // A counter that went back began anew: a device that was plugged in again.
            guard let before, let now, now >= before else { return }
            let rate = (Double(now) - Double(before)) * scale / seconds
            values[key] = isRatio ? min(1, rate) : rate
        }
        if let before = last.cpu, let now = look.cpu { addCPU(before, now, to: &values) }
        let disks = Dictionary(last.disks.map { ($0.device, $0) }, uniquingKeysWith: { $1 })
        for disk in look.disks {
            let before = disks[disk.device]
            put(
                MetricKey("disk_busy_ratio", disk.device),
                before?.busyMilliseconds,
                disk.busyMilliseconds,
                scale: 0.001,
                isRatio: true
            )
            put(MetricKey("disk_read_bytes_per_second", disk.device), before?.readBytes, disk.readBytes)
            put(
                MetricKey("disk_written_bytes_per_second", disk.device),
                before?.writtenBytes,
                disk.writtenBytes
            )
            put(MetricKey("disk_operations_per_second", disk.device), before?.operations, disk.operations)
            if let before, disk.operations > before.operations,
                disk.operationMilliseconds >= before.operationMilliseconds
            {
                let took = Double(disk.operationMilliseconds - before.operationMilliseconds)
                values[MetricKey("disk_latency_milliseconds", disk.device)] =
                    took / Double(disk.operations - before.operations)
            }
        }
        put(
            MetricKey("tcp_retransmits_per_second"),
            last.tcp?.segmentsRetransmitted,
            look.tcp?.segmentsRetransmitted
        )
        put(MetricKey("tcp_sent_segments_per_second"), last.tcp?.segmentsSent, look.tcp?.segmentsSent)
        put(MetricKey("tcp_resets_per_second"), last.tcp?.resets, look.tcp?.resets)
        let interfaces = Dictionary(last.network.map { ($0.interface, $0) }, uniquingKeysWith: { $1 })
        for interface in look.network {
            let (name, before) = (interface.interface, interfaces[interface.interface])
            put(
                MetricKey("network_received_bytes_per_second", name),
                before?.receivedBytes,
                interface.receivedBytes
            )
            put(MetricKey("network_sent_bytes_per_second", name), before?.sentBytes, interface.sentBytes)
            put(MetricKey("network_faults_per_second", name), before?.faults, interface.faults)
        }
        for pressure in look.pressures {
            let before = last.pressures.first { $0.resource == pressure.resource }
            let name = "\(pressure.resource)_pressure"
            put(
                MetricKey("\(name)_some_ratio"),
                before?.someMicroseconds,
                pressure.someMicroseconds,
                scale: 1e-6,
                isRatio: true
            )
            // For the CPU of a whole host the kernel always says 0.
            guard pressure.resource != "cpu" else { continue }
            put(
                MetricKey("\(name)_full_ratio"),
                before?.fullMicroseconds,
                pressure.fullMicroseconds,
                scale: 1e-6,
                isRatio: true
            )
        }
    }

    private static func addCPU(_ before: CPUTimes, _ now: CPUTimes, to values: inout [MetricKey: Double]) {
        let total = now.total &- before.total
        guard total > 0 else { return }
        func share(_ ticks: Int) -> Double { min(1, max(0, Double(ticks) / Double(total))) }
        // Waiting for a disk is idle time of the CPU.
        values[MetricKey("cpu_busy_ratio")] = share(
            total &- (now.idle &- before.idle) &- (now.wait &- before.wait)
        )
        values[MetricKey("cpu_user_ratio")] = share(now.user &- before.user)
        values[MetricKey("cpu_system_ratio")] = share(now.system &- before.system)
        values[MetricKey("cpu_wait_ratio")] = share(now.wait &- before.wait)
        values[MetricKey("cpu_steal_ratio")] = share(now.steal &- before.steal)
    }
}
