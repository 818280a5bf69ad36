import Glibc
import MusterCore
import MusterTesting
import Testing

@testable import MusterProbe

/// What changes about a host as a whole.
@Suite struct SystemWatcherTests {
    @Test("A kernel setting, a crontab and a boot are changes; what was so at the first look is none")
    func changes() throws {
        let directory = try TemporaryDirectory()
        for folder in [
            "host", "host/etc", "host/etc/cron.d", "host/proc", "host/proc/sys", "host/proc/sys/vm",
            "host/proc/sys/kernel",
        ] { mkdir(directory.path(folder), 0o755) }
        let now = Timestamp(seconds: 1_795_600_000)
        func write(_ name: String, _ text: String) throws {
            _ = try directory.write("host/\(name)", text.utf8)
        }
        try write("proc/stat", "cpu 1 2 3\nbtime \(now.wholeSeconds - 3_600)\nprocesses 5\n")
        try write("proc/sys/kernel/osrelease", "6.1.0-30-amd64\n")
        try write("proc/sys/vm/swappiness", "60\n")
        try write("etc/cron.d/backup", "0 3 * * * root /usr/local/bin/backup\n")
        var watcher = SystemWatcher(files: HostFiles(root: directory.path("host")))
        let first = watcher.scan(now: now)
        #expect(first.map(\.summary) == ["the host was booted with kernel 6.1.0-30-amd64"])
        #expect(first.first?.at == now - .seconds(3_600) && first.first?.kind == .restart)
        try write("proc/sys/vm/swappiness", "10\n")
        try write("etc/cron.d/backup", "0 2 * * * root TOKEN=hunter2hunter2 /usr/local/bin/backup\n")
        #expect(watcher.scan(now: now + .seconds(10)).isEmpty)
        let later = watcher.scan(now: now + .seconds(31))
        #expect(
            later.map(\.summary) == ["/etc/cron.d/backup changed", "kernel setting vm.swappiness 60 -> 10"]
        )
        #expect(later.first?.diff.contains("+0 2 * * * root") == true)
        #expect(later.first?.diff.contains("hunter2") == false)
        #expect(watcher.scan(now: now + .seconds(62)).isEmpty)
        // A boot of long ago is no news.
        var another = SystemWatcher(files: HostFiles(root: directory.path("host")))
        #expect(another.scan(now: now + .seconds(100_000)).isEmpty)
    }
}
