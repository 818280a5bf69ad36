import MusterCore
import Testing

@testable import MusterCoordinator

/// What hosts measured of their resources and processes, around an onset.
@Suite struct HostFindingsTests {
    private static let now = Timestamp(nanoseconds: 1_795_400_000_000_000_000)
    private let web1 = HostReference(id: .zero, name: "web-1")
    private let web2 = HostReference(id: .zero, name: "web-2")
    private let coverage = Coverage(asked: 2, outcomes: ["ok": 2])

    /// A series whose last point is now, with one point in so many seconds.
    private func series(
        _ name: String,
        _ values: [Double],
        of subject: String = "",
        every seconds: Int = 10,
        score: Double = 0,
        before: Double = 0
    ) -> MetricSeries {
        var series = MetricSeries(name: name, subject: subject)
        series.values = values
        series.at = values.indices.map { Self.now - .seconds((values.count - 1 - $0) * seconds) }
        series.score = score
        series.baselineMedian = before
        return series
    }

    private func metrics(_ host: HostReference, _ series: [MetricSeries], isYoung: Bool = true) -> HostMetrics
    {
        let first = series.compactMap(\.at.first).min() ?? Self.now
        let from = isYoung ? first - .seconds(30) : first
        return HostMetrics(host: host, series: series, window: TimeWindow(from: from, to: Self.now))
    }

    private func findings(_ metrics: [HostMetrics], requestsTimes: Double = 1) -> [Finding] {
        MetricFindings.findings(metrics, requestsTimes: requestsTimes, coverage: coverage, at: Self.now)
    }

    // MARK: Moves

    @Test("A young series moved when all its later points lie far beyond the earlier ones")
    func step() throws {
        let move = try #require(
            SeriesMove(series("filesystem_used_ratio", [0.1, 0.1, 0.12, 0.99, 1]), isYoung: true)
        )
        #expect(abs(move.before - 0.1) < 0.001)
        #expect(move.began == Self.now - .seconds(10))
        #expect(move.now > 0.9)
    }

    @Test(
        "Points that lie between each other are no move",
        arguments: [[0.1, 0.9, 0.1, 0.9], [0.5, 0.5, 0.5, 0.5], [0.1], []]
    )
    func noMove(values: [Double]) {
        #expect(SeriesMove(series("filesystem_used_ratio", values), isYoung: true) == nil)
    }

    @Test("One second of another level is no move of what is measured each second")
    func spike() {
        let values = [0.1, 0.1, 0.1, 0.1, 0.1, 1]
        #expect(SeriesMove(series("cpu_busy_ratio", values, every: 1), isYoung: true) == nil)
    }

    @Test("A host that measured long enough is believed: without a score nothing moved")
    func grown() {
        let values = [0.1, 0.1, 1, 1]
        #expect(SeriesMove(series("filesystem_used_ratio", values), isYoung: false) == nil)
        #expect(
            SeriesMove(series("filesystem_used_ratio", values, score: 90, before: 0.1), isYoung: false)?
                .before
                == 0.1
        )
    }

    // MARK: Resources

    @Test("A disk that fills up is a disk that is full, and one that always was is none")
    func disk() throws {
        let full = series("filesystem_used_ratio", [0.2, 0.2, 1], of: "/var/lib/shop")
        let found = try #require(findings([metrics(web2, [full])]).first)
        #expect(found.suggests == .disk)
        #expect(found.hosts == [web2])
        #expect(found.text == "the disk of /var/lib/shop is 100% full on web-2, before it was 20%")
        let always = series("filesystem_used_ratio", [1, 1, 1], of: "/snap")
        #expect(findings([metrics(web2, [always])]).isEmpty)
        let emptied = series("filesystem_used_ratio", [1, 0.97, 0.96], of: "/var/lib/shop")
        #expect(findings([metrics(web2, [emptied])]).isEmpty)
    }

    @Test("A process near its limit of open files is short of them")
    func openFiles() throws {
        let near = series("process_open_files_ratio", [0.2, 0.2, 0.6, 0.98], of: "shop")
        let found = try #require(findings([metrics(web2, [near])]).first)
        #expect(found.suggests == .fileDescriptors)
        #expect(found.effect > 0.9)
        let half = series("process_open_files_ratio", [0.1, 0.1, 0.5, 0.5], of: "shop")
        #expect(findings([metrics(web2, [half])]).isEmpty)
    }

    @Test("One kill for want of memory is enough, and its control group names the service")
    func oomKill() throws {
        let kills = series("cgroup_oom_kills", [0, 0, 2, 0], of: "system.slice/shop.service")
        let found = try #require(findings([metrics(web2, [kills])]).first)
        #expect(found.suggests == .oomKill)
        #expect(found.service == "shop")
        #expect(found.onset == Self.now - .seconds(20))
        #expect(
            found.text
                == "the kernel killed 2 processes of system.slice/shop.service on web-2 for want of memory"
        )
        let none = series("cgroup_oom_kills", [0, 0, 0], of: "system.slice/shop.service")
        #expect(findings([metrics(web2, [none])]).isEmpty)
    }

    @Test(
        "A service that its CPU limit holds back is told so, also beside a process that takes the host's CPU"
    )
    func throttled() throws {
        // One look of ten seconds is enough.
        let held = series(
            "cgroup_throttled_ratio",
            [0, 0, 0, 0, 0.75],
            of: "system.slice/shop.service",
            score: 9
        )
        let found = MetricFindings.findings(
            [metrics(web2, [held])],
            busy: [web2],
            coverage: coverage,
            at: Self.now
        )
        let one = try #require(found.first)
        #expect(one.suggests == .cpu && one.service == "shop")
        #expect(one.text.contains("is held back by its CPU limit"))
        // Its host may have measured too little before to call it a change.
        let late = series("cgroup_throttled_ratio", [0, 0, 0, 1.3], of: "system.slice/shop.service")
        #expect(findings([metrics(web2, [late], isYoung: false)]).first?.text.contains("for 100% of") == true)
        let always = series("cgroup_throttled_ratio", [0.7, 0.8, 0.7, 0.9], of: "system.slice/shop.service")
        #expect(findings([metrics(web2, [always], isYoung: false)]).isEmpty)
        let little = series("cgroup_throttled_ratio", [0, 0, 0.05, 0.05], of: "system.slice/shop.service")
        #expect(findings([metrics(web2, [little])]).isEmpty)
    }

    @Test("CPU that other machines take is a neighbour's, swap that fills up is want of memory")
    func others() {
        let stolen = series("cpu_steal_ratio", [0, 0, 0.01, 0.3, 0.32, 0.31], every: 1)
        #expect(findings([metrics(web2, [stolen])]).map(\.suggests) == [.noisyNeighbour])
        let swap = series("swap_used_ratio", [0.1, 0.1, 0.1, 0.95, 0.96, 0.97], every: 1)
        #expect(findings([metrics(web2, [swap])]).map(\.suggests) == [.memory])
    }

    @Test("Many times as many log lines are a flood, unless as many more requests came")
    func logFlood() throws {
        let lines = series("log_lines_per_second", [60, 58, 61, 3_000, 3_100, 3_050], every: 1)
        let found = try #require(findings([metrics(web2, [lines])]).first)
        #expect(found.suggests == .logFlood)
        #expect(findings([metrics(web2, [lines])], requestsTimes: 50).isEmpty)
        let busy = series("log_lines_per_second", [60, 58, 61, 150, 160, 155], every: 1)
        #expect(findings([metrics(web2, [busy])]).isEmpty)
    }

    @Test("That the CPU is taken is no cause of its own where it is known who takes it")
    func explained() {
        let pressure = series("cpu_pressure_some_ratio", [0, 0, 0, 0.9, 0.9, 0.9], every: 1)
        let host = metrics(web2, [pressure])
        #expect(findings([host]).map(\.suggests) == [.cpu])
        let known = MetricFindings.findings([host], busy: [web2], coverage: coverage, at: Self.now)
        #expect(known.map(\.suggests) == [nil])
    }

    // MARK: Processes

    private func listening(_ process: String) -> Answer {
        var answer = SocketsAnswer()
        answer.listening = [
            ListeningSocket(
                address: "0.0.0.0",
                port: 80,
                pid: 7,
                process: process,
                backlog: 0,
                backlogMax: 128
            )
        ]
        return .sockets(answer)
    }

    private var short: MetricSeries { series("cpu_pressure_some_ratio", [0, 0, 0, 0.9, 0.9, 0.9], every: 1) }

    private func kinds(_ hogs: [ProcessFindings.Hog], _ process: String) -> [CauseKind?] {
        ProcessFindings.findings(
            hogs,
            sockets: [(host: web2, answer: listening(process))],
            coverage: coverage,
            at: Self.now
        ).map(\.suggests)
    }

    @Test("A program that came lately, serves nobody and takes a CPU is a neighbour")
    func neighbour() throws {
        let shop = series("process_cpu_ratio", [0.1, 0.1, 0.1, 0.1], of: "shop")
        let report = series("process_cpu_ratio", [0.9, 0.95], of: "report")
        let hogs = ProcessFindings.hogs([metrics(web2, [short, shop, report])], onset: Self.now)
        #expect(hogs.map(\.name) == ["report"])
        #expect(hogs.first?.before == 0)
        #expect(kinds(hogs, "shop") == [.noisyNeighbour])
    }

    @Test("One that serves takes the CPU itself")
    func itself() {
        let shop = series("process_cpu_ratio", [0.1, 0.1, 1.9, 1.9], of: "shop")
        let hogs = ProcessFindings.hogs([metrics(web2, [short, shop])], onset: Self.now)
        #expect(kinds(hogs, "shop") == [.cpu])
    }

    private func row(_ name: String, cpu: Double, started ago: Duration) -> ProcessRow {
        ProcessRow(
            pid: 7,
            parent: 1,
            name: name,
            command: name,
            state: "R",
            uid: 0,
            cpuRatio: cpu,
            residentBytes: 0,
            threads: 1,
            openFiles: 0,
            started: Self.now - ago
        )
    }

    @Test("What runs now counts before it is on record, if it was started about the onset")
    func running() {
        let shop = series("process_cpu_ratio", [0.1, 0.1, 0.1, 0.1], of: "shop")
        var answer = ProcessesAnswer()
        answer.processes = [
            row("report", cpu: 0.9, started: .seconds(15)),
            row("backup", cpu: 0.9, started: .seconds(86_400)),
            row("shop", cpu: 0.2, started: .seconds(86_400)),
        ]
        let hogs = ProcessFindings.hogs(
            [metrics(web2, [short, shop])],
            rows: [(host: web2, answer: .processes(answer))],
            onset: Self.now
        )
        #expect(hogs.map(\.name) == ["report"])
        #expect(hogs.first?.began == Self.now - .seconds(15))
    }

    @Test("Where CPUs are not short nobody takes too much")
    func idle() {
        let calm = series("cpu_pressure_some_ratio", [0, 0, 0, 0.02, 0.02, 0.02], every: 1)
        let report = series("process_cpu_ratio", [0.01, 0.01, 0.9, 0.95], of: "report")
        #expect(ProcessFindings.hogs([metrics(web2, [calm, report])], onset: Self.now).isEmpty)
    }

    @Test("One that always took it is not news")
    func always() {
        let report = series("process_cpu_ratio", [0.9, 0.95, 0.9, 0.95], of: "report")
        #expect(ProcessFindings.hogs([metrics(web2, [short, report])], onset: Self.now).isEmpty)
    }
}

@Suite struct ChangeListTests {
    private func deploy(at seconds: Int64, reference: String = "4521", actor: String = "") -> Change {
        Change(
            kind: .deploy,
            at: Timestamp(nanoseconds: seconds * 1_000_000_000),
            service: "shop",
            hosts: ["web-1"],
            summary: "shop 4520 -> 4521",
            actor: actor,
            before: "4520",
            after: "4521",
            reference: reference
        )
    }

    @Test("A deploy that people told of and the one that its host saw seconds later are one")
    func told() {
        let told = deploy(at: 1_795_400_000, actor: "sarah")
        let seen = deploy(at: 1_795_400_003)
        #expect(ChangeList.same(told, seen))
        #expect(!ChangeList.same(told, deploy(at: 1_795_400_003, reference: "4522")))
        #expect(!ChangeList.same(deploy(at: 0, reference: ""), deploy(at: 600, reference: "")))
    }
}
