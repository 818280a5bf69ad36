import FoundationEssentials
import Glibc

/// What a release of the shop says about itself in its `release.json`.
struct Release: Codable, Sendable, Hashable {
    var version: String
    /// Features that this release switches on.
    var features: Features

    struct Features: Codable, Sendable, Hashable {
        /// Pay in instalments; nil when the release does not offer that.
        var splitPayment: SplitPayment?

        enum CodingKeys: String, CodingKey {
            case splitPayment = "split_payment"
        }
    }

    struct SplitPayment: Codable, Sendable, Hashable {
        /// Items per instalment; the last instalment takes what is left over.
        var itemsPerInstalment: Int

        enum CodingKeys: String, CodingKey {
            case itemsPerInstalment = "items_per_instalment"
        }
    }

    /// The release that `root/current` points at.
    static func current(in root: String) throws(DrillError) -> Release {
        let path = "\(root)/current/release.json"
        return try JSONText.value(Release.self, from: try Files.text(path))
    }
}

/// A folder of releases with a link to the one in use: `current -> releases/4520`.
package struct ReleaseDirectory: Sendable {
    let root: String

    package init(root: String) { self.root = root }

    /// Puts a release on disk without using it.
    func install(_ release: Release) throws(DrillError) {
        let folder = "\(root)/releases/\(release.version)"
        try Files.makeFolder(folder)
        try Files.write(try JSONText.of(release, pretty: true) + "\n", to: "\(folder)/release.json")
    }

    /// Points `current` at an installed release, in one step.
    func point(at version: String) throws(DrillError) {
        guard Self.isVersion(version) else {
            throw DrillError(
                .usage,
                "\"\(version)\" is no release: expected letters, digits, dots and dashes"
            )
        }
        guard Files.exists("\(root)/releases/\(version)/release.json") else {
            throw DrillError(.missing, "release \(version) is not installed in \(root)/releases")
        }
        let temporary = "\(root)/current.new"
        unlink(temporary)
        guard symlink("releases/\(version)", temporary) == 0, rename(temporary, "\(root)/current") == 0 else {
            throw DrillError(.file, "can't switch \(root)/current: \(String(cString: strerror(errno)))")
        }
    }

    /// A name that can't lead out of the folder.
    static func isVersion(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 64 && !text.hasPrefix(".")
            && text.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "."), UInt8(ascii: "-"): true
                default: false
                }
            }
    }
}

/// Puts another release into use and waits until the shop says that it runs it: what deploy tools do.
package struct ReleaseSwitch: Sendable {
    package var directory: ReleaseDirectory
    package var version: String
    /// Holds the pid of the running shop.
    package var pidFile: String
    /// Asked for the version; `http://ADDRESS:PORT/healthz`.
    package var address: String
    package var port: Int
    package var timeout: Duration

    package init(
        directory: ReleaseDirectory,
        version: String,
        pidFile: String,
        address: String,
        port: Int,
        timeout: Duration
    ) {
        self.directory = directory
        self.version = version
        self.pidFile = pidFile
        self.address = address
        self.port = port
        self.timeout = timeout
    }

    /// Does it; the answer names the release before.
    ///
    /// Doing it twice changes nothing the second time.
    package func run() throws(DrillError) -> String {
        let before = try Release.current(in: directory.root).version
        try directory.point(at: version)
        let text = try Files.text(pidFile)
        guard let pid = pid_t(text.filter { !$0.isWhitespace }), pid > 1 else {
            throw DrillError(.process, "\(pidFile) holds no pid")
        }
        guard kill(pid, SIGHUP) == 0 else {
            throw DrillError(.process, "the shop with pid \(pid) does not run")
        }
        let end = WallClock.monotonic() + timeout
        while WallClock.monotonic() < end {
            if running() == version { return before }
            WallClock.sleep(.milliseconds(20))
        }
        throw DrillError(.timeout, "the shop does not say within \(timeout.spoken) that it runs \(version)")
    }

    private func running() -> String? {
        var connection = HTTPConnection(address: address, port: port, timeout: .seconds(2))
        defer { connection.close() }
        guard let answer = connection.send(method: "GET", path: "/healthz", headers: [], body: []),
            let health = try? JSONText.value(
                ShopHealth.self,
                from: String(decoding: answer.body, as: UTF8.self)
            )
        else { return nil }
        return health.version
    }
}

/// What `/healthz` answers.
struct ShopHealth: Codable, Sendable {
    var status: String
    var version: String
}
