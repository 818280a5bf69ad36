/// What a host is: facts that change at most with a reboot.
package struct HostFacts: Hashable, Sendable {
    package var name = ""
    /// `Debian GNU/Linux 12 (bookworm)`.
    package var system = ""
    package var systemID = ""
    package var systemVersion = ""
    package var kernel = ""
    package var cpuModel = ""
    package var cpus = 0
    package var memoryBytes = 0
    package var bootID = ""
    /// Seconds since 1970; 0 when not known.
    package var bootSeconds = 0

    package init() {}

    /// Reads `NAME=value` lines of `os-release`, with or without quotes.
    package static func values(osRelease bytes: [UInt8]) -> [String: String] {
        var values: [String: String] = [:]
        for line in bytes.lines {
            guard let equals = line.firstIndex(of: UInt8(ascii: "=")), !line.starts(with: "#") else {
                continue
            }
            var value = line[(equals + 1)...].trimmed
            if let quote = value.first, quote == 0x22 || quote == 0x27, value.count >= 2, value.last == quote
            {
                value = value.dropFirst().dropLast()
            }
            values[line[..<equals].text] = value.text
        }
        return values
    }

    /// Stable names for answers; what is not known is left out.
    package var named: [String: String] {
        let all = [
            "host.name": name,
            "os.name": system,
            "os.id": systemID,
            "os.version": systemVersion,
            "kernel.release": kernel,
            "cpu.model": cpuModel,
            "cpu.count": cpus > 0 ? "\(cpus)" : "",
            "memory.total_bytes": memoryBytes > 0 ? "\(memoryBytes)" : "",
            "boot.id": bootID,
        ]
        return all.filter { !$0.value.isEmpty }
    }
}

extension HostReader {
    /// Everything that can be known; what can't stays empty.
    package func facts() -> HostFacts {
        var facts = HostFacts()
        facts.name = (try? files.text("/proc/sys/kernel/hostname")) ?? ""
        facts.kernel = (try? files.text("/proc/sys/kernel/osrelease")) ?? ""
        for path in ["/etc/os-release", "/usr/lib/os-release"] {
            guard let bytes = try? files.read(path, bytesMax: 64 << 10) else { continue }
            let values = HostFacts.values(osRelease: bytes)
            facts.system = values["PRETTY_NAME"] ?? values["NAME"] ?? ""
            facts.systemID = values["ID"] ?? ""
            facts.systemVersion = values["VERSION_ID"] ?? ""
            break
        }
        if let bytes = try? files.read("/proc/cpuinfo", bytesMax: 4 << 20) {
            for line in bytes.lines {
                if line.starts(with: "processor") { facts.cpus += 1 }
                if line.starts(with: "model name"), facts.cpuModel.isEmpty,
                    let colon = line.firstIndex(of: UInt8(ascii: ":"))
                {
                    facts.cpuModel = line[(colon + 1)...].trimmed.text
                }
            }
        }
        facts.memoryBytes = (try? memory().total) ?? 0
        facts.bootID = (try? bootID()) ?? ""
        facts.bootSeconds = (try? bootTime()) ?? 0
        return facts
    }
}
