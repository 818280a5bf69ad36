import MusterCore
import MusterIdentity
import MusterTesting
import Testing

@testable import muster

@Suite("CLI: signing runbooks")
struct RunbookApprovalTests {
    @Test("the file beside a runbook holds a signature over its exact bytes and the declaration's")
    func roundTrip() throws {
        let folder = try TemporaryDirectory()
        let runbook = Array("steps: []\n".utf8)
        let path = try folder.write("pool.yaml", runbook)
        let key = try SigningKey.generate()
        let declaration = PreApprovalDeclaration(
            expires: Timestamp(nanoseconds: 1_795_000_000_000_000_000),
            irreversible: [1: "an ended session can't be brought back"],
            selector: "role=db"
        )
        let signer = Signer(name: "ana", key: key)
        let made = try RunbookApproval.sign(runbook: runbook, declaration, by: signer)
        let before = try RunbookApproval.read(beside: path)
        #expect(before?.signer == nil)
        _ = try folder.write("pool.yaml.approval", Array(made.text.utf8))

        let read = try #require(try RunbookApproval.read(beside: path))
        #expect(read.signer == "ana" && read.says == declaration)
        func holds(_ bytes: [UInt8]) -> Bool {
            let signed = Sealing.preApprovalBytes(runbook: bytes, declaration: read.declaration)
            return SigningKey.verify(signature: read.signature, of: signed, publicKey: key.publicKey)
        }
        #expect(holds(runbook))
        #expect(!holds(runbook + [UInt8(ascii: "#")]))
    }
}
