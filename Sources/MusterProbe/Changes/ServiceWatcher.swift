import Glibc
import MusterCore

/// Tells when a service was restarted, with another binary perhaps, or ended.
///
/// A service is what init or a container's runtime started: its workers, shells and jobs come and go unnoticed. One
/// is known by its unit, else by its name.
struct ServiceWatcher {
    private struct Service: Hashable {
        var pid: Int
        var startTicks: Int
        var name: String
    }

    /// A service's binary as it was when it was started.
    private struct Binary: Hashable {
        var path: String
        var status: FileStatus

        var text: String {
            "\(status.size) bytes of \(Timestamp(nanoseconds: status.modified / 1_000_000_000 * 1_000_000_000))"
        }
    }

    private struct Gone {
        var name: String
        var at: Timestamp
    }

    private static let servicesMax = 1_024
    /// What lived shorter was a job.
    private static let lifeMin = Duration.seconds(60)
    /// A service that is not back after so long has ended.
    private static let backMax = Duration.seconds(30)
    private static let runtimes = ["containerd-shim", "conmon", "docker-init", "runc", "crun"]

    private let files: HostFiles
    private let ticksPerSecond = Double(max(1, sysconf(Int32(_SC_CLK_TCK))))
    /// By pid.
    private var services: [Int: Service] = [:]
    /// By name.
    private var binaries: [String: Binary] = [:]
    private var gone: [Gone] = []
    private var isFirst = true

    init(files: HostFiles) { self.files = files }

    /// Takes in a look at all processes; `uptime` is the host's.
    mutating func take(_ processes: [ProcessReading], now: Timestamp, uptime: Duration) -> [Change] {
        let names = Dictionary(processes.map { ($0.pid, $0.name) }, uniquingKeysWith: { $1 })
        var seen: [Int: Service] = [:]
        var started: [Service] = []
        for process in processes where process.residentPages > 0 && seen.count < Self.servicesMax {
            if let known = services[process.pid], known.startTicks == process.startTicks {
                seen[process.pid] = known
            } else if process.parent == 1 || Self.isRuntime(names[process.parent] ?? "") {
                let service = Service(
                    pid: process.pid,
                    startTicks: process.startTicks,
                    name: unit(of: process.pid) ?? process.name
                )
                seen[process.pid] = service
                started.append(service)
            }
        }
        for (pid, service) in services where seen[pid] != service {
            let life = uptime - .seconds(Double(service.startTicks) / ticksPerSecond)
            if life >= Self.lifeMin { gone.append(Gone(name: service.name, at: now)) }
        }
        services = seen
        defer { isFirst = false }
        return started.compactMap { begin($0, now: now, uptime: uptime) } + ended(now: now)
    }

    /// Notes a service's binary; a change when it is there again.
    private mutating func begin(_ service: Service, now: Timestamp, uptime: Duration) -> Change? {
        let link = "/proc/\(service.pid)/exe"
        var binary: Binary?
        if let path = files.link(link), let status = files.status(link) {
            binary = Binary(path: path, status: status)
        }
        let before = binaries[service.name]
        if let binary, binaries.count < Self.servicesMax || before != nil { binaries[service.name] = binary }
        guard !isFirst, let index = gone.firstIndex(where: { $0.name == service.name }) else { return nil }
        gone.remove(at: index)
        let age = uptime - .seconds(Double(service.startTicks) / ticksPerSecond)
        var change = Change(
            kind: .restart,
            at: now - max(.zero, age),
            service: service.name,
            summary: "\(service.name) was restarted",
            source: binary?.path ?? ""
        )
        if let before, let binary, before != binary {
            change.summary += " with a new binary"
            change.before = before.text
            change.after = binary.text
        }
        return change
    }

    private mutating func ended(now: Timestamp) -> [Change] {
        let ended = gone.filter { now - $0.at >= Self.backMax }
        gone.removeAll { now - $0.at >= Self.backMax }
        return ended.map {
            Change(kind: .restart, at: $0.at, service: $0.name, summary: "\($0.name) ended and is not back")
        }
    }

    private static func isRuntime(_ name: String) -> Bool { runtimes.contains { name.hasPrefix($0) } }

    /// The systemd unit that a process belongs to.
    private func unit(of pid: Int) -> String? { files.unit(of: "\(pid)") }
}
