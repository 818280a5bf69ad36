import Glibc
import MusterCore
import MusterTesting
import Testing

@testable import MusterProbe

/// Logs of package managers, as they stand on real hosts.
@Suite struct PackageTests {
    private static let now = Timestamp(rfc3339: "2026-11-25T05:00:00Z") ?? .zero

    private let directory: TemporaryDirectory
    private let files: HostFiles

    init() throws {
        directory = try TemporaryDirectory()
        files = HostFiles(root: directory.path("host"))
        for folder in ["host", "host/var", "host/var/log", "host/var/log/apt"] {
            mkdir(directory.path(folder), 0o755)
        }
    }

    private func append(_ name: String, _ text: String) {
        let descriptor = open(
            directory.path("host/var/log/\(name)"),
            O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
            0o644
        )
        let bytes = Array(text.utf8)
        #expect(write(descriptor, bytes, bytes.count) == bytes.count)
        close(descriptor)
    }

    @Test("Packages are told with their versions, and with who asked for it as apt's history says")
    func dpkg() {
        append(
            "dpkg.log",
            """
            2026-11-25 03:50:12 startup archives unpack
            2026-11-25 03:50:12 install libprotobuf32:amd64 <none> 3.21.12-3+deb12u1
            2026-11-25 03:50:12 status half-installed libprotobuf32:amd64 3.21.12-3+deb12u1
            2026-11-25 05:50:13 upgrade libsystemd0:amd64 252.38-1~deb12u1 252.39-1~deb12u2
            2026-11-25 05:50:14 remove nano:amd64 7.2-1+deb12u1 <none>
            2026-11-25 05:50:15 install jq:amd64 1.6-2.1 1.6-2.1+deb12u3

            """
        )
        append(
            "apt/history.log",
            """

            Start-Date: 2026-11-25  05:50:10
            Commandline: apt-get install jq --token=hunter2hunter2hunter2
            Requested-By: ana (1000)
            Upgrade: libsystemd0:amd64 (252.38-1~deb12u1, 252.39-1~deb12u2)

            """
        )
        var watcher = PackageWatcher(files: files, zoneOffsetSeconds: 3_600)
        let changes = watcher.scan(now: Self.now)
        #expect(changes.map(\.kind) == [.package, .package])
        #expect(changes.first?.summary == "libprotobuf32 3.21.12-3+deb12u1 installed")
        #expect(changes.first?.after == "3.21.12-3+deb12u1" && changes.first?.actor == "")
        let later = changes.last
        #expect(later?.at == Timestamp(rfc3339: "2026-11-25T04:50:13Z"))
        #expect(
            later?.summary
                == "libsystemd0 252.38-1~deb12u1 -> 252.39-1~deb12u2 upgraded, nano 7.2-1+deb12u1 removed, "
                + "jq 1.6-2.1 -> 1.6-2.1+deb12u3 upgraded"
        )
        #expect(later?.actor == "ana")
        #expect(later?.diff.hasPrefix("$ apt-get install jq --token=") == true)
        #expect(later?.diff.contains("hunter2") == false)
        #expect(watcher.scan(now: Self.now).isEmpty)
        // Half a line is not read before it is whole, and after a rotation the new log is read from its start.
        append("dpkg.log", "2026-11-25 05:55:00 upgrade openssl:amd64 3.0.11-1 3.0")
        #expect(watcher.scan(now: Self.now).isEmpty)
        append("dpkg.log", ".13-1\n")
        #expect(watcher.scan(now: Self.now).map(\.summary) == ["openssl 3.0.11-1 -> 3.0.13-1 upgraded"])
        rename(files.path("/var/log/dpkg.log"), files.path("/var/log/dpkg.log.1"))
        append("dpkg.log", "2026-11-25 05:56:00 purge nano:amd64 7.2-1 <none>\n")
        #expect(watcher.scan(now: Self.now).map(\.summary) == ["nano 7.2-1 removed"])
    }

    @Test("Many packages are one change that names the first, and lists what it can")
    func many() {
        let lines = (0..<600).map {
            "2026-11-25 03:50:\($0 / 20 + 10) upgrade library-number-\($0):amd64 1.\($0) 2.\($0)\n"
        }
        append("dpkg.log", lines.joined())
        var watcher = PackageWatcher(files: files, zoneOffsetSeconds: 0)
        let changes = watcher.scan(now: Self.now)
        #expect(changes.count == 1)
        #expect(changes.first?.summary.hasSuffix(" and 596 more packages") == true)
        #expect(
            (changes.first?.summary.utf8.count ?? 999) < 512
                && (changes.first?.diff.utf8.count ?? 99_999) <= 8 << 10
        )
    }

    @Test("What is older than a day is none of today's changes")
    func old() {
        append("dpkg.log", "2026-11-23 03:50:12 upgrade openssl:amd64 1 2\n")
        var watcher = PackageWatcher(files: files, zoneOffsetSeconds: 0)
        #expect(watcher.scan(now: Self.now).isEmpty)
    }

    @Test("RPM's packages are told by name and version")
    func dnf() {
        append(
            "dnf.rpm.log",
            """
            2026-11-25T04:50:12+0000 SUBDEBUG Upgrade: openssl-libs-1:3.0.7-27.el9.x86_64
            2026-11-25T04:50:13+0000 SUBDEBUG Upgraded: openssl-libs-1:3.0.7-25.el9.x86_64
            2026-11-25T04:50:14+0000 INFO --- logging initialized ---
            2026-11-25T04:50:15+0000 SUBDEBUG Erase: nano-5.6-1.el9.x86_64

            """
        )
        var watcher = PackageWatcher(files: files, zoneOffsetSeconds: 0)
        #expect(
            watcher.scan(now: Self.now).map(\.summary) == [
                "openssl-libs 1:3.0.7-27.el9.x86_64 upgraded, nano 5.6-1.el9.x86_64 removed"
            ]
        )
    }
}
