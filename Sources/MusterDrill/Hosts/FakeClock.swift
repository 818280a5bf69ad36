import MusterCore

/// The wall clock of programs under libfaketime, which can be set while they run.
///
/// Only the wall clock: what measures durations goes on as it is.
struct FakeClock {
    /// Where the offset stands.
    private let file: String
    /// What a program that goes by this clock has to have in its environment.
    let environment: [String]

    /// What has to stand before its command.
    ///
    /// The first program under libfaketime puts a word into its own environment, and Swift's runtime finds its arguments by
    /// where the environment lies: it would find none.
    let launcher = ["/usr/bin/env"]

    /// Makes one for a pretended host that is right.
    init(of host: DemoHost) throws(DrillError) {
        guard let library = DatabaseServer.clockLibrary else {
            throw DrillError(.missing, "libfaketime is not installed; try: apt-get install faketime")
        }
        file = "\(host.folder)/clock"
        try Files.write("+0\n", to: file)
        if host.network.room != nil {
            // libfaketime names shared memory by process numbers, which begin anew in each room.
            try host.command("/bin/mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", "/dev/shm"]).succeed()
        }
        environment = [
            "LD_PRELOAD=\(library)", "FAKETIME_TIMESTAMP_FILE=\(file)", "FAKETIME_CACHE_DURATION=1",
            "FAKETIME_DONT_FAKE_MONOTONIC=1", "DONT_FAKE_MONOTONIC=1", "FAKETIME_DONT_RESET=1",
            // Times of files are the kernel's.
            "NO_FAKE_STAT=1",
        ]
    }

    /// Sets it to be ahead of the machine's.
    func set(ahead offset: Duration) throws(DrillError) {
        let seconds = Int(offset.inSeconds)
        try Files.write("\(seconds < 0 ? "" : "+")\(seconds)\n", to: file)
    }
}
