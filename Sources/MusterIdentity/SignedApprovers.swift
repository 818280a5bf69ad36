import MusterCore

/// A list of approvers with its root's signature: one file, so that both always change together.
///
/// The last line is `signature: ` and the base64 of an Ed25519 signature over every byte before that line. Only those
/// bytes are ever read as a list.
package struct SignedApprovers: Hashable, Sendable {
    /// Everything before the signature's line.
    package let content: [UInt8]
    package let signature: [UInt8]

    private static let key = Array("signature: ".utf8)
    private static let newline = UInt8(ascii: "\n")

    /// Takes a file apart; nil when its last line is no signature.
    package init?(file: [UInt8]) {
        guard file.last == Self.newline else { return nil }
        let start = file.dropLast().lastIndex(of: Self.newline).map { $0 + 1 } ?? 0
        let line = file[start...].dropLast()
        guard line.starts(with: Self.key),
            let signature = Base64.bytes(String(decoding: line.dropFirst(Self.key.count), as: UTF8.self)),
            signature.count == 64
        else { return nil }
        content = Array(file[..<start])
        self.signature = signature
    }

    /// Signs what a file holds; an earlier signature in it is left out.
    package init(signing file: [UInt8], by root: SigningKey) throws(IdentityError) {
        var content = SignedApprovers(file: file)?.content ?? file
        if let last = content.last, last != Self.newline { content.append(Self.newline) }
        self.content = content
        signature = try root.sign(Sealing.approverListBytes(content))
    }

    /// Whether the key made the signature.
    package func isSigned(by root: [UInt8]) -> Bool {
        SigningKey.verify(signature: signature, of: Sealing.approverListBytes(content), publicKey: root)
    }

    /// SHA-256 of the signed bytes.
    package var digest: Digest { SHA256.hash(content) }

    /// The file's bytes.
    package var file: [UInt8] {
        content + Self.key + Array(Base64.text(signature).utf8) + [Self.newline]
    }
}
