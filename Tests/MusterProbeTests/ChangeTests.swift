import Glibc
import MusterCore
import MusterTesting
import Testing

@testable import MusterProbe

/// What was changed is noticed, told once, and told without secrets.
struct ChangeTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    /// What was told of a service, but for the packages and the boot of the machine that tests run on.
    private func told(by recorder: ChangeRecorder, _ service: String) -> [Change] {
        recorder.changes(in: always, service: service).filter { $0.kind != .package && $0.kind != .restart }
    }

    private func recorder() -> ChangeRecorder {
        ChangeRecorder(
            files: HostFiles(),
            host: "web-1",
            markers: directory.path("markers"),
            watch: [.init(pattern: directory.path("*.conf"), service: "shop")]
        )
    }

    private var always: TimeWindow { TimeWindow(from: .zero, to: Timestamp(nanoseconds: .max)) }

    @Test func aChangedConfigFileYieldsADiffWithoutSecrets() throws {
        let path = try directory.write(
            "shop.conf",
            "pool_size = 20\npassword = hunter-old-2\ntimeout = 5\n".utf8
        )
        let recorder = recorder()
        let start = Timestamp(seconds: Double(time(nil)))
        recorder.tick(now: start)
        #expect(told(by: recorder, "").isEmpty)

        try directory.write("shop.conf", "pool_size = 2\npassword = hunter-new-3\ntimeout = 5\n".utf8)
        recorder.tick(now: start + .seconds(2))
        recorder.tick(now: start + .seconds(3))
        let changes = told(by: recorder, "shop")
        #expect(changes.count == 1)
        let change = try #require(changes.first)
        #expect(change.kind == .config)
        #expect(change.source == path)
        #expect(change.hosts == ["web-1"])
        #expect(change.before != change.after)
        #expect(change.diff.contains("-pool_size = 20\n+pool_size = 2\n"))
        #expect(!change.diff.contains("hunter"))
        #expect(change.at >= start - .seconds(2))
        #expect(told(by: recorder, "other").isEmpty)
        #expect(recorder.configHashes[path] == change.after)
    }

    @Test func filesThatComeAndGoAreChanges() throws {
        let recorder = recorder()
        let start = Timestamp(seconds: Double(time(nil)))
        recorder.tick(now: start)
        let path = try directory.write("new.conf", "token: abc-secret-def\n".utf8)
        recorder.tick(now: start + .seconds(1))
        unlink(path)
        recorder.tick(now: start + .seconds(2))
        let changes = told(by: recorder, "")
        #expect(Set(changes.map(\.summary)) == ["\(path) added", "\(path) removed"])
        #expect(!changes.contains { $0.diff.contains("abc-secret-def") })
        #expect(recorder.configHashes.isEmpty)
    }

    @Test func deployMarkersTellWhoDeployedWhat() throws {
        mkdir(directory.path("markers"), 0o700)
        let recorder = recorder()
        recorder.tick(now: Timestamp(seconds: 1))
        try directory.write(
            "markers/shop-4521-1.json",
            """
            {
              "at" : "2026-11-23T02:06:00.5Z", "by" : "sarah", "number" : "4521", "previous" : "4520",
              "service" : "shop", "summary" : "shop 4520 -> 4521", "version" : "4521"
            }
            """.utf8
        )
        try directory.write("markers/broken.json", "{\"service\": \"shop\", ".utf8)
        try directory.write("markers/.half.json", "{".utf8)
        recorder.tick(now: Timestamp(seconds: 2))
        recorder.tick(now: Timestamp(seconds: 3))
        let changes = told(by: recorder, "shop")
        #expect(changes.map(\.title) == ["deploy #4521 by sarah"])
        #expect(changes.first?.before == "4520")
        #expect(changes.first?.at == Timestamp(rfc3339: "2026-11-23T02:06:00.5Z"))
        #expect(recorder.versions == ["shop": "4521"])
        #expect(recorder.losses.malformed == 1)
    }
}
