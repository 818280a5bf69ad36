import ArgumentParser
import FoundationEssentials
import MusterCoordinator
import MusterCore
import MusterIdentity

/// `muster-coordinator authority`.
struct AuthorityCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "authority",
        abstract: "Look at the authority of the fleet, or replace it.",
        discussion: """
            An authority is replaced in two steps, with the coordinator running: "rotate" makes the next one, and agents
            renew their certificates under it; when "status" shows none that is left, "finish" retires the old one.
            Between the two, add next-ca.pem to the file that operators' "ca" names: after "finish" the coordinator's own
            certificate is of the new authority. Join tokens made before "finish" are of no use after it.

            EXAMPLES
              muster-coordinator authority status --json
              muster-coordinator authority rotate
              muster-coordinator authority finish
            """,
        subcommands: [Status.self, Rotate.self, Finish.self]
    )

    /// What stands in the state directory, and the hosts that have not renewed under the newest authority.
    private struct Standing {
        let state: CoordinatorState
        let identity: CoordinatorIdentity
        let left: [FleetHost]

        init(_ place: PlaceOptions) async throws {
            state = CoordinatorState(folder: try place.read().state)
            try state.repair()
            identity = try state.load(at: FleetConfiguration.systemClock())
            let issuer = identity.issuer.certificate.publicKeyID
            let store = SQLiteFleetStore(database: try Coordinator.database(state).pool)
            left = try await store.hosts().filter { host in
                host.state != .revoked && host.certificate?.authority != issuer
            }
        }
    }

    private struct Report: Encodable {
        struct Authority: Encodable {
            var id: String
            var expires: Timestamp
        }
        struct Host: Encodable {
            var name: String
            var id: String
            var lastSeen: Timestamp?
        }
        var authorities: [Authority]
        var isRotating: Bool
        var hostsLeft: [Host]
    }

    struct Status: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "status",
            abstract: "Say which authorities are trusted, and which hosts have not renewed under the newest."
        )

        @OptionGroup var place: PlaceOptions

        @Flag(help: "Print one JSON object.")
        var json = false

        func run() async throws {
            try await ExitError.guarding {
                let standing = try await Standing(place)
                let (identity, left) = (standing.identity, standing.left)
                let report = Report(
                    authorities: identity.authorities.map {
                        .init(id: "\($0.certificate.publicKeyID)", expires: $0.certificate.notAfter)
                    },
                    isRotating: identity.authorities.count > 1,
                    hostsLeft: left.map { .init(name: $0.name, id: "\($0.id)", lastSeen: $0.lastSeen) }
                )
                if json {
                    let encoder = JSONEncoder()
                    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
                    return print(String(decoding: try encoder.encode(report), as: UTF8.self))
                }
                for (index, authority) in report.authorities.enumerated() {
                    let role = index == 0 ? "authority" : "next     "
                    print("\(role)  \(authority.id.prefix(16))  until \(authority.expires)")
                }
                guard report.isRotating else { return print("no authority is being replaced") }
                for host in left {
                    let seen = host.lastSeen.map { "last heard \($0)" } ?? "never heard"
                    print("not renewed yet: \(host.name)  \(host.id.short)  \(seen)")
                }
                print(
                    left.isEmpty
                        ? "all hosts have renewed: muster-coordinator authority finish"
                        : "\(left.count) hosts have not renewed under the next authority"
                )
            }
        }
    }

    struct Rotate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "rotate",
            abstract: "Make the authority that shall follow; both are trusted until \"finish\"."
        )

        @OptionGroup var place: PlaceOptions

        func run() async throws {
            try await ExitError.guarding {
                let state = CoordinatorState(folder: try place.read().state)
                try state.repair()
                let next = try state.rotate(at: FleetConfiguration.systemClock())
                print("Next authority:     \(next.publicKeyID.short)")
                print("Authority (public): \(state.folder)/next-ca.pem")
                print("A running coordinator takes it up by itself and has all agents renew.")
            }
        }
    }

    struct Finish: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "finish",
            abstract: "Retire the old authority: whoever has not renewed has to join again."
        )

        @OptionGroup var place: PlaceOptions

        @Flag(help: "Also when hosts have not renewed; they have to join again.")
        var force = false

        func run() async throws {
            try await ExitError.guarding {
                let standing = try await Standing(place)
                let (identity, left) = (standing.identity, standing.left)
                guard identity.authorities.count > 1 else {
                    throw ExitError(
                        text: "no authority is being replaced; see muster-coordinator authority rotate"
                    )
                }
                guard left.isEmpty || force else {
                    let names = left.prefix(10).map(\.name).joined(separator: ", ")
                    let more = left.count > 10 ? " and \(left.count - 10) more" : ""
                    throw ExitError(
                        text: """
                            \(left.count) hosts have not renewed under the next authority: \(names)\(more); \
                            wait for them, revoke them, or give --force and join them again
                            """
                    )
                }
                try standing.state.finishRotation()
                print("The authority is \(identity.issuer.certificate.publicKeyID.short) now.")
                if !left.isEmpty { print("\(left.count) hosts have to join again.") }
            }
        }
    }
}
