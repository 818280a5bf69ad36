import Glibc
import MusterCore

/// Keeps the agent from becoming the incident: says when it has to shed work.
///
/// Memory over its ceiling sheds until it is a tenth below; CPU is averaged between two looks.
struct ResourceGuard {
    /// What the agent itself uses.
    struct Usage: Sendable {
        var residentBytes = 0
        var cpu: Duration = .zero
    }

    private let memoryBytesMax: Int
    private let cpuRatioMax: Double
    private var last: (usage: Usage, at: Duration)?
    private var memoryIsShort = false
    private var cpuIsShort = false

    init(memoryBytesMax: Int, cpuRatioMax: Double) {
        self.memoryBytesMax = memoryBytesMax
        self.cpuRatioMax = cpuRatioMax
    }

    /// Why work is shed; nil when none is.
    var reason: String? {
        if memoryIsShort {
            return "the agent has reached its ceiling of \(memoryBytesMax >> 20) MiB of memory"
        }
        if cpuIsShort { return "the agent has reached its ceiling of \(Int(cpuRatioMax * 100))% of a CPU" }
        return nil
    }

    mutating func look(_ usage: Usage, at now: Duration) {
        memoryIsShort = usage.residentBytes > (memoryIsShort ? memoryBytesMax / 10 * 9 : memoryBytesMax)
        if let last, now > last.at {
            cpuIsShort = (usage.cpu - last.usage.cpu).inSeconds / (now - last.at).inSeconds > cpuRatioMax
        }
        last = (usage, now)
    }

    /// Reads /proc/self/statm and getrusage.
    static func measure() -> Usage {
        var usage = Usage()
        if let bytes = try? SafeFile.read("/proc/self/statm", bytesMax: 4096) {
            let fields = String(decoding: bytes, as: UTF8.self).split(separator: " ")
            if fields.count > 1, let pages = Int(fields[1]) {
                usage.residentBytes = pages * Int(sysconf(Int32(_SC_PAGESIZE)))
            }
        }
        var times = rusage()
        if getrusage(RUSAGE_SELF.rawValue, &times) == 0 {
            usage.cpu =
                .seconds(times.ru_utime.tv_sec + times.ru_stime.tv_sec)
                + .microseconds(Int64(times.ru_utime.tv_usec + times.ru_stime.tv_usec))
        }
        return usage
    }
}
