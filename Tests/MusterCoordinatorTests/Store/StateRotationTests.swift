import Glibc
import MusterCore
import MusterIdentity
import MusterTesting
import Testing

@testable import MusterCoordinator

/// The files of an authority that is being replaced, cut short at any step.
@Suite("Replacing the authority on disk")
struct StateRotationTests {
    private static func made() throws -> (TemporaryDirectory, CoordinatorState) {
        let directory = try TemporaryDirectory()
        let state = CoordinatorState(folder: directory.path("state"))
        try state.create(names: ["localhost"], at: FleetClock.now())
        return (directory, state)
    }

    @Test("a rotation that ended after the key is begun anew")
    func rotateCutShort() throws {
        let (directory, state) = try Self.made()
        let old = try state.load(at: FleetClock.now()).authority.certificate
        try directory.write("state/next-ca.key", Array("half a k".utf8))
        try directory.write("state/next-ca.pem.new", Array("half a certificate".utf8))
        #expect(try state.load(at: FleetClock.now()).authorities.count == 1)
        let next = try state.rotate(at: FleetClock.now())
        let identity = try state.load(at: FleetClock.now())
        #expect(identity.authority.certificate == old && identity.issuer.certificate == next)
        #expect(throws: StateFileError.self) { _ = try state.rotate(at: FleetClock.now()) }
    }

    @Test("a finish that ended between its two steps is completed, and before them changes nothing")
    func finishCutShort() throws {
        let (directory, state) = try Self.made()
        defer { withExtendedLifetime(directory) {} }
        let next = try state.rotate(at: FleetClock.now())
        try state.repair()
        #expect(try state.load(at: FleetClock.now()).authorities.count == 2)
        #expect(rename("\(state.folder)/next-ca.key", "\(state.folder)/ca.key") == 0)
        #expect(throws: StateFileError.self) { _ = try state.load(at: FleetClock.now()) }
        try state.repair()
        let identity = try state.load(at: FleetClock.now())
        #expect(identity.authorities.map(\.certificate) == [next])
        #expect(next.publicKeyID == identity.issuer.certificate.publicKeyID)
        #expect(identity.authority.verifies(identity.certificate), "its own certificate is of the new one")
    }
}
