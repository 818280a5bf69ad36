import MusterCore

/// The shop on one host forgets to close files until it may open no more.
struct FileLeak: Scenario {
    let name = ScenarioName.fileLeak
    let hosts = HostPlan.threeWebs
    let kindExpected: CauseKind? = .fileDescriptors
    let expected = "the shop on web-2 has used up its file descriptors"
    let place = CausePlace.hosts(["web-2"])

    private static let filesMax = 256

    func launcher(of host: DemoHost) -> [String] { ["/usr/bin/prlimit", "--nofile=\(Self.filesMax)"] }

    func configure(_ shop: inout ShopConfiguration, of host: DemoHost, on stage: Stage) throws {
        shop.receipts = host.data
    }

    func breakIt(on stage: Stage) throws -> AlertmanagerWebhook {
        stage.narrator.say(
            "Fault: the shop on web-2 no longer closes the files of receipts; it may open \(Self.filesMax)."
        )
        try stage.setFault(.files, true, on: "web-2")
        return try AlertmanagerWebhook.errors(on: stage)
    }
}
