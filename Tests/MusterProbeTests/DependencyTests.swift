import Glibc
import MusterCore
import MusterPostgres
import MusterTesting
import Synchronization
import Testing

@testable import MusterProbe

/// Dependencies are seen as they are now, in time, and with the reason when they are down.
struct DependencyTests {
    private static func board(
        _ targets: [DependencyTarget],
        connector: DatabaseConnector? = nil
    ) -> DependencyBoard {
        DependencyBoard(targets: targets, connector: connector ?? PostgresWatcher.connector) {
            Timestamp(seconds: Double(time(nil)))
        }
    }

    private static func checks(
        _ board: DependencyBoard,
        _ name: String = "",
        within: Duration = .seconds(5)
    ) -> DependencyBoard.Checks {
        board.checks(name: name, deadline: .now + within) { false }
    }

    private static let database = DependencyTarget(
        name: "db",
        kind: .postgres(
            PostgresEndpoint(
                host: "127.0.0.1",
                port: 1,
                database: "shop",
                look: .init(user: "look"),
                act: .init(user: "act")
            )
        ),
        services: ["shop"]
    )

    @Test func aPortIsSeenToComeUpAndGoDown() throws {
        let port = try Loopback.freePort()
        let board = Self.board([
            DependencyTarget(name: "cache", kind: .tcp(host: "127.0.0.1", port: port), services: ["shop"]),
            DependencyTarget(name: "nowhere", kind: .tcp(host: "no-such-host.invalid", port: 1)),
        ])
        let down = try #require(Self.checks(board, "cache").checks.first)
        #expect(!down.healthy)
        #expect(down.reason.contains("connection refused"))
        #expect(down.services == ["shop"])
        #expect(down.since == nil)

        let listener = try Listener(port: port)
        let up = try #require(Self.checks(board, "cache").checks.first)
        #expect(up.healthy)
        #expect(up.reason.isEmpty)
        #expect((up.connectMilliseconds ?? -1) >= 0)
        #expect(up.since != nil)
        listener.close()
        #expect(Self.checks(board, "cache").checks.first?.healthy == false)
        let unknown = try #require(Self.checks(board, "nowhere").checks.first)
        #expect(unknown.reason.contains("cannot look up no-such-host.invalid"))
    }

    @Test func aServerThatIsSilentIsToldFromOneThatIsGone() throws {
        let port = try Loopback.freePort()
        let url = "http://127.0.0.1:\(port)/health"
        let target = DependencyTarget(
            name: "api",
            kind: .http(url: url, caFile: nil),
            timeout: .milliseconds(300)
        )
        let gone = HTTPCheck.run(target, url: url, caFile: nil)
        let listener = try Listener(port: port)
        defer { listener.close() }
        let start = ContinuousClock.now
        let silent = HTTPCheck.run(target, url: url, caFile: nil)
        #expect(ContinuousClock.now - start < .seconds(2))
        #expect(!gone.healthy && !silent.healthy)
        #expect(!gone.reason.isEmpty && !silent.reason.isEmpty)
        #expect(gone.reason.contains("no connection: connection refused"))
        #expect(silent.reason.contains("accepted the connection and did not answer within 300 ms"))
        #expect(silent.connectMilliseconds != nil && silent.firstByteMilliseconds == nil)
        #expect(gone.connectMilliseconds == nil)
        #expect(gone.status == 0)
    }

    @Test func aNameWithoutAnAddressIsSaidToBeThat() {
        let url = "http://no-such-host.invalid:81/"
        let target = DependencyTarget(name: "api", kind: .http(url: url, caFile: nil), timeout: .seconds(3))
        let check = HTTPCheck.run(target, url: url, caFile: nil)
        #expect(!check.healthy)
        // Where no name server answers at all the look-up itself runs into the limit.
        #expect(check.reason.contains("has no address") || check.reason.contains("was not resolved"))
    }

    @Test func aCheckThatHangsHoldsUpNobody() throws {
        let port = try Loopback.freePort()
        let listener = try Listener(port: port)
        defer { listener.close() }
        let board = Self.board(
            [Self.database, DependencyTarget(name: "cache", kind: .tcp(host: "127.0.0.1", port: port))]
        ) { (_, _) throws(PostgresError) in
            usleep(8_000_000)
            throw PostgresError(.timeout, "nobody answers")
        }
        let start = ContinuousClock.now
        let found = Self.checks(board, within: .milliseconds(300))
        #expect(ContinuousClock.now - start < .seconds(5))
        #expect(found.unfinished == ["db"])
        #expect(found.checks.map(\.healthy) == [false, true])
        #expect(found.checks.first?.reason.contains("no answer within") == true)
        // A question that was taken back ends at once.
        let cancelled = ContinuousClock.now
        _ = board.checks(name: "db", deadline: .now + .seconds(60)) { true }
        #expect(ContinuousClock.now - cancelled < .seconds(5))
    }

    @Test func exhaustedSlotsAreSaidToBeExactlyThat() throws {
        let board = Self.board([Self.database]) { (_, _) throws(PostgresError) in
            throw PostgresError(
                .slotsExhausted,
                "connection slots of shop on 127.0.0.1:1 are exhausted: sorry, too many clients already",
                sqlState: "53300"
            )
        }
        let check = try #require(Self.checks(board).checks.first)
        #expect(!check.healthy)
        #expect(check.reason.contains("all connection slots are taken"))
        #expect(check.reason.contains("too many clients already"))
        let error = #expect(throws: ProbeError.self) {
            try board.database("").check(statement: "SELECT 1", settings: [], timeout: .seconds(1))
        }
        #expect(error?.code == .unavailable)
        #expect(error?.message.contains("all connection slots are taken") == true)
        #expect(throws: ProbeError.self) { try board.database("other") }
    }
}

/// A listening socket on loopback that accepts nothing: the kernel does that.
private final class Listener {
    private var descriptor: Int32

    init(port: Int) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var yes: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(truncatingIfNeeded: port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0, listen(descriptor, 16) == 0 else {
            throw SetupFailure("port \(port) can't be used")
        }
    }

    deinit { close() }

    func close() {
        if descriptor >= 0 { Glibc.close(descriptor) }
        descriptor = -1
    }
}
