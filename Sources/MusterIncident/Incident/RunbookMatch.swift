import MusterCore

/// The runbook that an incident follows, kept with everything it needs: the file may change meanwhile.
package struct RunbookMatch: Hashable, Sendable, Codable {
    package var runbook: Runbook
    /// SHA-256 of the file's bytes.
    package var digest: Digest
    /// The file's text, byte for byte.
    package var source: String
    /// Why it was chosen, one sentence.
    package var because: String
    /// What speaks against acting without a person; empty when a signature made beforehand may be used.
    package var doubts: [String]
    /// The signature made beforehand, when there is one beside the file.
    package var signature: RunbookSignature?

    package init(
        runbook: Runbook,
        digest: Digest,
        source: String,
        because: String,
        doubts: [String],
        signature: RunbookSignature?
    ) {
        self.runbook = runbook
        self.digest = digest
        self.source = source
        self.because = because
        self.doubts = doubts
        self.signature = signature
    }

    /// The pre-approval that goes with a ticket; nil when nobody signed the file.
    package var preApproval: PreApproval? {
        signature.map {
            PreApproval(
                runbook: Array(source.utf8),
                declaration: $0.declaration,
                signer: $0.signer,
                signature: $0.signature
            )
        }
    }
}

/// A signature over a runbook file, as it stands in the file beside it.
package struct RunbookSignature: Hashable, Sendable, Codable {
    package var signer: String
    /// The serialised declaration's exact bytes.
    package var declaration: [UInt8]
    /// What the declaration says.
    package var says: PreApprovalDeclaration
    package var signature: [UInt8]

    package init(signer: String, declaration: [UInt8], says: PreApprovalDeclaration, signature: [UInt8]) {
        self.signer = signer
        self.declaration = declaration
        self.says = says
        self.signature = signature
    }
}
