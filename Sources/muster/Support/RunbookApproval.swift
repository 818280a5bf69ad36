import MusterCore
import MusterIdentity
import MusterWire
import MusterYAML

/// The file beside a runbook that holds a signature over it.
///
///     signer: ana
///     declaration: <serialised PreApprovalDeclaration, base64>
///     signature: <Ed25519 over Sealing.preApprovalBytes, base64>
struct RunbookApproval {
    let signer: String
    let declaration: [UInt8]
    let says: PreApprovalDeclaration
    let signature: [UInt8]

    static func path(of runbook: String) -> String { "\(runbook).approval" }

    static func sign(
        runbook: [UInt8],
        _ declaration: PreApprovalDeclaration,
        by signer: Signer
    ) throws(CLIError) -> RunbookApproval {
        let bytes = WireCodec.declaration(declaration)
        let signed = Sealing.preApprovalBytes(runbook: runbook, declaration: bytes)
        return RunbookApproval(
            signer: signer.name,
            declaration: bytes,
            says: declaration,
            signature: try signer.sign(signed)
        )
    }

    /// Reads the file beside a runbook; nil when there is none.
    ///
    /// The signature itself is not checked: that is for those who hold the public key.
    static func read(beside runbook: String) throws -> RunbookApproval? {
        let path = path(of: runbook)
        guard Files.exists(path) else { return nil }
        let document = try YAMLReader.read(try Files.read(path), name: path)
        var reader = try DocumentReader(document.root, in: path, expecting: "an approval of a runbook")
        let signer = try reader.requiredString("signer")
        guard let declaration = Base64.bytes(try reader.requiredString("declaration")),
            let signature = Base64.bytes(try reader.requiredString("signature"))
        else { throw reader.error(at: reader.position, "\"declaration\" and \"signature\" are base64") }
        try reader.finish()
        return RunbookApproval(
            signer: signer,
            declaration: declaration,
            says: try WireCodec.declaration(from: declaration),
            signature: signature
        )
    }

    var text: String {
        """
        # Approves the runbook beside it, byte for byte, until \(says.expires). Made by "muster runbook sign".
        signer: '\(signer)'
        declaration: \(Base64.text(declaration))
        signature: \(Base64.text(signature))

        """
    }
}
