import MusterCore
import Testing

@testable import MusterDrill

@Suite struct ScenarioTests {
    @Test("Every scenario has a name of its own, a line about it, and hosts that it names")
    func catalogue() {
        let names = ScenarioName.all
        #expect(Set(names).count == names.count)
        for name in names {
            let scenario = name.scenario(DrillOptions())
            #expect(scenario.name == name)
            #expect(!name.summary.isEmpty)
            #expect(!scenario.expected.isEmpty)
            #expect(Set(scenario.hosts.map(\.name)).count == scenario.hosts.count)
            if case .hosts(let places) = scenario.place {
                #expect(places.isSubset(of: scenario.hosts.map(\.name)), "\(name.rawValue)")
            }
        }
        #expect(names.count { $0.scenario(DrillOptions()).kindExpected == nil } >= 2)
        #expect(ScenarioName("no-such-scenario") == nil)
    }

    private func report(_ scenario: any Scenario) -> DrillReport { DrillReport(scenario) }

    @Test("A fault is right only with its kind and in its place")
    func fault() {
        let scenario = DiskFull()
        var report = report(scenario)
        report.kindFound = .disk
        report.hostsFound = ["web-1", "web-2"]
        #expect(!scenario.isRight(report))
        report.hostsFound = ["web-2"]
        #expect(scenario.isRight(report))
        report.kindFound = .io
        #expect(!scenario.isRight(report))
    }

    @Test(
        "Without a fault, right is to find nothing and to do nothing",
        arguments: [Verdict.known, .likely, .novel]
    )
    func noFault(verdict: Verdict) {
        let scenario = FalseAlert()
        var report = report(scenario)
        report.verdict = verdict
        #expect(!scenario.isRight(report))
        report.verdict = .unknown
        #expect(scenario.isRight(report))
        report.acted = ["web-1"]
        #expect(!scenario.isRight(report))
    }

    @Test("The score counts faults and false alerts apart, and what could not be played as not right")
    func score() {
        var right = report(DiskFull())
        right.causeIsRight = true
        var failed = report(BadConfig())
        failed.error = "nginx is missing"
        var quiet = report(FalseAlert())
        quiet.causeIsRight = true
        var acted = report(FileLeak())
        acted.verdict = .novel
        acted.acted = ["web-1"]
        let score = DrillScore([right, failed, quiet, acted])
        #expect(
            score.text
                == "1 of 3 faults: right cause and kind first; no-fault 1 of 1; ACTED on something novel in 1; "
                + "1 could not be played"
        )
        #expect(DrillScore.table([right, failed, quiet, acted]).count == 4)
    }

    @Test("A goal of the right verdict needs no runbook, one of an end does")
    func goal() {
        var verdict = report(DiskFull())
        verdict.causeIsRight = true
        #expect(verdict.isGood)
        var ended = report(BadDeploy())
        ended.causeIsRight = true
        #expect(!ended.isGood)
    }

    @Test("Settings of the shop are read as they are written, and a wrong line is refused")
    func settings() throws {
        let folder = try Files.makeTemporaryFolder()
        defer { Files.remove(folder) }
        var settings = ShopSettings()
        settings.cartItemsMax = 2
        settings.waitMilliseconds = 60
        try Files.write(settings.text, to: "\(folder)/shop.conf")
        #expect(try ShopSettings.read("\(folder)/shop.conf") == settings)
        try Files.write("cart_items_max = two\n", to: "\(folder)/shop.conf")
        #expect(throws: DrillError.self) { try ShopSettings.read("\(folder)/shop.conf") }
    }

    @Test("A desk takes no cart that is too large, and not more checkouts than it can")
    func desk() async throws {
        var settings = ShopSettings()
        settings.cartItemsMax = 3
        settings.checkoutsMax = 1
        let desk = CheckoutDesk(settings)
        await #expect(throws: ShopFailure.self) { try await desk.serve(items: 4) {} }
        try await desk.serve(items: 3) {
            await #expect(throws: ShopFailure.self) { try await desk.serve(items: 1) {} }
        }
        try await desk.serve(items: 1) {}
    }
}
