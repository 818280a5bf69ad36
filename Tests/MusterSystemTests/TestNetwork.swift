import Glibc
import MusterTesting

/// Two network namespaces of a test's own with a cable between them: the coordinator's side and the host's.
final class TestNetwork {
    let coordinator: String
    let host: String
    let coordinatorAddress: String
    let hostAddress: String
    private let directory: TemporaryDirectory

    /// Whether namespaces can be made here.
    static let isPossible: Bool = {
        guard geteuid() == 0, let directory = try? TemporaryDirectory() else { return false }
        return (try? TestNetwork(in: directory)) != nil
    }()

    init(in directory: TemporaryDirectory) throws {
        self.directory = directory
        let number = UInt32.random(in: 0..<0x3F_FFFF)
        coordinator = "muster-c-\(number)"
        host = "muster-h-\(number)"
        coordinatorAddress = "10.231.0.1"
        hostAddress = "10.231.0.2"
        for name in [coordinator, host] {
            try Programs.run(["ip", "netns", "add", name], in: directory)
            try Programs.run(["ip", "-n", name, "link", "set", "lo", "up"], in: directory)
        }
        try Programs.run(
            [
                "ip", "-n", coordinator, "link", "add", "cable", "type", "veth", "peer", "name", "cable",
                "netns", host,
            ],
            in: directory
        )
        for (name, address) in [(coordinator, coordinatorAddress), (host, hostAddress)] {
            try Programs.run(
                ["ip", "-n", name, "address", "add", "\(address)/24", "dev", "cable"],
                in: directory
            )
            try Programs.run(["ip", "-n", name, "link", "set", "cable", "up"], in: directory)
        }
    }

    deinit {
        for name in [coordinator, host] {
            _ = try? Programs.run(["ip", "netns", "del", name], in: directory)
        }
    }

    /// What a program of the namespace is started with.
    static func entering(_ name: String) -> [String] { ["ip", "netns", "exec", name] }

    /// Pulls the cable at the host's end: packets are lost, and no connection is told.
    func cut() throws {
        try Programs.run(["ip", "-n", host, "link", "set", "cable", "down"], in: directory)
    }

    func heal() throws {
        try Programs.run(["ip", "-n", host, "link", "set", "cable", "up"], in: directory)
    }
}
