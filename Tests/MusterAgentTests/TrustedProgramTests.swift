import Glibc
import MusterCore
import MusterTesting
import Testing

@testable import MusterAgent

/// A host whose policy names a program of its own.
@Suite("Programs that somebody else could have written") struct TrustedProgramTests {
    private let world: DeskWorld
    private let program: String

    init() throws {
        world = try DeskWorld()
        for folder in ["opt", "opt/shop", "opt/shop/bin"] { mkdir(world.directory.path(folder), 0o755) }
        program = try world.directory.write("opt/shop/bin/deploy", "#!/bin/sh\n".utf8)
        chmod(program, 0o755)
        try name(program)
    }

    /// Has the policy name another program.
    private func name(_ path: String) throws {
        try world.writePolicy { $0.replacing(#""/bin/echo", "{to}""#, with: #""\#(path)", "{to}""#) }
    }

    /// Expects that a ticket for the program is refused, in the ledger and in a dry run, and nothing has run.
    private func expectRefused(
        _ version: String,
        _ reason: String,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let ticket = try world.ticket(to: version)
        let found = try world.receive(ticket)
        let expected = "the program of action rollback_shop is not run: \(reason)"
        #expect(found == expected, sourceLocation: sourceLocation)
        #expect(world.state(ticket) == .refused && world.works.isEmpty, sourceLocation: sourceLocation)
        let trial = world.desk?.trial(of: ticket.plan.plan, now: world.now)
        #expect(trial?.refusal == expected, sourceLocation: sourceLocation)
    }

    private func writable(_ path: String) -> String {
        "\(path) can be written by its group or by everybody; forbid that (chmod go-w \(path))"
    }

    @Test("An action runs while nobody else can write its program or a folder above it, and not after that")
    func forward() throws {
        let ticket = try world.ticket(to: "0")
        #expect(try world.receive(ticket) == nil)
        world.workAll()
        #expect(world.performed == ["0"])
        for (number, place) in ["", "opt/shop/bin", "opt/shop", "opt"].enumerated() {
            let path = place.isEmpty ? program : world.directory.path(place)
            for mode: mode_t in [0o775, 0o757] {
                chmod(path, mode)
                try expectRefused("\(number)-\(mode)", writable(path))
            }
            chmod(path, 0o755)
        }
        #expect(world.desk?.trial(of: ticket.plan.plan, now: world.now).refusal == "")
    }

    @Test("Nor where program or folder belong to another user", .enabled(if: geteuid() == 0, "needs root"))
    func owner() throws {
        for (number, path) in [program, world.directory.path("opt")].enumerated() {
            chown(path, 65_534, 65_534)
            try expectRefused(
                "\(number)",
                "\(path) belongs to user 65534; it must belong to root (chown root \(path))"
            )
            chown(path, 0, 0)
        }
    }

    @Test("Nor where a link leads to such a program, lies where others could turn it, or leads nowhere")
    func links() throws {
        let link = world.directory.path("opt/deploy")
        symlink("shop/bin/../bin/deploy", link)
        try name(link)
        #expect(try world.receive(try world.ticket(to: "0")) == nil)
        world.workAll()
        chmod(program, 0o777)
        try expectRefused("1", writable(program))
        chmod(program, 0o755)
        chmod(world.directory.path("opt"), 0o777)
        try expectRefused("2", writable(world.directory.path("opt")))
        chmod(world.directory.path("opt"), 0o755)
        unlink(program)
        try expectRefused("3", "\(program): No such file or directory")
        try name(world.directory.path("opt/shop"))
        try expectRefused("4", "\(world.directory.path("opt/shop")) is no plain file")
    }

    @Test("Nor where somebody else could have written what is looked at before it")
    func precondition() throws {
        let look = try world.directory.write("opt/look", "#!/bin/sh\n".utf8)
        try world.writePolicy { $0.replacing(#""/bin/echo", "healthy""#, with: #""\#(look)", "healthy""#) }
        chmod(look, 0o777)
        var plan = try world.ticket(to: "1").plan.plan
        plan.precondition = .command(name: "healthy", parameters: [:])
        let refused = try world.receive(try world.tickets.ticket(plan))
        #expect(refused == "the program of action healthy is not run: \(writable(look))")
        #expect(world.works.isEmpty)
    }

    @Test("A ticket that waits is held to it when its turn comes")
    func waiting() throws {
        let (first, second) = (try world.ticket(to: "1"), try world.ticket(to: "2"))
        #expect(try world.receive(first) == nil)
        #expect(try world.receive(second) == nil)
        chmod(program, 0o777)
        world.workAll()
        #expect(world.state(second) == .failed && world.performed == ["1"])
        #expect(world.reason(second).hasPrefix("not started: the program of action rollback_shop is not run"))
    }

    @Test("What was done is taken back all the same")
    func rollback() throws {
        let ticket = try world.ticket(to: "1")
        #expect(try world.receive(ticket) == nil)
        world.workAll()
        chmod(program, 0o777)
        world.wait(.seconds(60))
        world.workAll()
        #expect(world.state(ticket) == .rolledBack && world.performed == ["1", "not-1"])
    }

    @Test("A look by a program that others can write keeps nothing: the action is taken back in time")
    func verification() throws {
        let look = try world.directory.write("opt/look", "#!/bin/sh\n".utf8)
        chmod(look, 0o755)
        try world.writePolicy { $0.replacing(#""/bin/echo", "healthy""#, with: #""\#(look)", "healthy""#) }
        let check = HostVerification(check: .command(name: "healthy", parameters: [:]), within: .seconds(30))
        chmod(look, 0o777)
        let refused = try world.receive(try world.ticket(to: "1", verification: check))
        #expect(refused == "the program of action healthy is not run: \(writable(look))")
        chmod(look, 0o755)
        let ticket = try world.ticket(to: "2", verification: check)
        #expect(try world.receive(ticket) == nil)
        world.work()
        chmod(look, 0o777)
        world.wait(.seconds(1))
        #expect(world.works.isEmpty)
        world.wait(.seconds(60))
        world.workAll()
        #expect(world.state(ticket) == .rolledBack && world.performed == ["2", "not-2"])
    }
}
