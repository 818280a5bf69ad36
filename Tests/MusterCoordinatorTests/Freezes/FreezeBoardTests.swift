import GRDB
import MusterCore
import MusterIdentity
import Testing

@testable import MusterCoordinator

/// The freezes as they are stored.
@Suite struct FreezeBoardTests {
    private let database: DatabaseQueue
    private let start = Timestamp(nanoseconds: 1_800_000_000_000_000_000)

    init() throws {
        database = try DatabaseQueue()
        var migrator = DatabaseMigrator()
        FreezeBoard.migrate(&migrator)
        try migrator.migrate(database)
    }

    private func freeze(_ service: String?, for life: Duration? = nil, reason: String = "why") -> Freeze {
        Freeze(service: service, by: "sarah", reason: reason, since: start, until: life.map { start + $0 })
    }

    @Test("A freeze outlives the coordinator, and its end is kept with it")
    func durable() async throws {
        let board = try FreezeBoard(database: database)
        let set = [freeze(nil), freeze("shop", for: .seconds(60))]
        for freeze in set { try await board.set(freeze, at: start) }
        let again = try FreezeBoard(database: database)
        #expect(again.active(at: start) == set)
        #expect(again.active(at: start + .seconds(60)) == [set[0]])
        try await again.lift(nil, by: "ana", at: start)
        #expect(try FreezeBoard(database: database).active(at: start) == [set[1]])
    }

    @Test("A second freeze for the same service takes the first one's place")
    func replaces() async throws {
        let board = try FreezeBoard(database: database)
        try await board.set(freeze("shop", for: .seconds(60)), at: start)
        try await board.set(freeze("shop", reason: "longer"), at: start)
        #expect(board.active(at: start) == [freeze("shop", reason: "longer")])
    }

    @Test("What is not frozen can't be lifted, also when its time was over already")
    func lift() async throws {
        let board = try FreezeBoard(database: database)
        try await board.set(freeze("shop", for: .seconds(60)), at: start)
        for service in [nil, "pay"] {
            await #expect(throws: OperationError.self) {
                try await board.lift(service, by: "ana", at: start)
            }
        }
        await #expect(throws: OperationError.self) {
            try await board.lift("shop", by: "ana", at: start + .seconds(60))
        }
        #expect(board.active(at: start) == [freeze("shop", for: .seconds(60))])
    }

    @Test("There is a bound, which those that are over don't count against")
    func bound() async throws {
        let board = try FreezeBoard(database: database)
        for number in 0..<Freeze.countMax {
            try await board.set(freeze("s\(number)", for: .seconds(60)), at: start)
        }
        await #expect(throws: OperationError.self) { try await board.set(freeze("more"), at: start) }
        #expect(board.active(at: start).count == Freeze.countMax)
        try await board.set(freeze("s0"), at: start)
        try await board.set(freeze("more"), at: start + .seconds(60))
        #expect(board.active(at: start + .seconds(60)).map(\.service) == ["more", "s0"])
    }

    @Test("Changes at the same time leave in memory what is on disk")
    func together() async throws {
        let board = try FreezeBoard(database: database)
        await withDiscardingTaskGroup { tasks in
            for number in 0..<40 {
                tasks.addTask {
                    try? await board.set(freeze("s\(number % 8)", reason: "\(number)"), at: start)
                    if number % 3 == 0 { try? await board.lift("s\(number % 8)", by: "ana", at: start) }
                }
            }
        }
        #expect(board.active(at: start) == (try FreezeBoard(database: database)).active(at: start))
    }

    @Test("A host keeps to the freezes of what it runs, of what leans on it, and to all when nobody knows")
    func hosts() async throws {
        let board = try FreezeBoard(database: database)
        func host(_ name: String, _ services: [String]) -> FleetHost {
            var host = FleetHost(id: SHA256.hash(Array(name.utf8)), name: name)
            host.services = services.map { ServiceVersion(name: $0, version: "") }
            return host
        }
        let (web, pay) = (host("web-1", ["shop"]), host("pay-1", ["pay"]))
        let (database, unknown) = (host("db-1", ["postgresql"]), host("x-1", []))
        board.use { $0 == "shop" ? [database.id] : [] }
        try await board.set(freeze("shop"), at: start)
        for (host, isConcerned) in [(web, true), (pay, false), (database, true), (unknown, true)] {
            #expect(board.concerning(host, at: start).isEmpty != isConcerned, "\(host.name)")
        }
        try await board.set(freeze(nil), at: start)
        #expect(board.concerning(pay, at: start) == [freeze(nil)])
    }
}
