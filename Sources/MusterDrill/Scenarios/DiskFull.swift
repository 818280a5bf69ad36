import MusterCore

/// The data disk of one host fills up, so that no receipt can be written there.
struct DiskFull: Scenario {
    let name = ScenarioName.diskFull
    let hosts = HostPlan.threeWebs
    let kindExpected: CauseKind? = .disk
    let expected = "the data disk of web-2 is full"
    let place = CausePlace.hosts(["web-2"])

    private static let diskBytes = 16 << 20

    func prepare(on stage: Stage) throws {
        // The same on all hosts; only one fills up.
        for host in stage.hosts { try host.mountData(bytes: Self.diskBytes) }
    }

    func configure(_ shop: inout ShopConfiguration, of host: DemoHost, on stage: Stage) throws {
        shop.receipts = host.data
    }

    func breakIt(on stage: Stage) throws -> AlertmanagerWebhook {
        let host = try stage.host("web-2")
        stage.narrator.say("Fault: a nightly export fills the data disk of web-2.")
        let dump = try host.command("/bin/dd", ["if=/dev/zero", "of=\(host.data)/export.dump", "bs=64k"])
            .run()
        guard dump.errors.contains("No space left") else {
            throw DrillError(.file, "\(host.data) on web-2 did not fill up: \(dump.errors.prefix(300))")
        }
        return try AlertmanagerWebhook.errors(on: stage)
    }
}
