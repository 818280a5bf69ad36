import MusterCore
import MusterIdentity
import MusterTesting
import Testing

@Suite struct PrimitivesTests {
    @Test("SHA-256 is the published one, at once and in pieces")
    func sha256() {
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        #expect(SHA256.hash("abc".utf8).description == expected)
        var hash = SHA256()
        hash.update([])
        hash.update("a".utf8)
        hash.update(AnySequence("bc".utf8))
        #expect(hash.finalize().description == expected)
    }

    @Test(
        "Base64 writes what RFC 4648 shows and reads only that",
        arguments: [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")]
    )
    func base64(plain: String, coded: String) {
        #expect(Base64.text(Array(plain.utf8)) == coded)
        #expect(Base64.bytes(coded) == Array(plain.utf8))
        #expect(Base64.urlBytes(Base64.urlText(Array(plain.utf8))) == Array(plain.utf8))
    }

    @Test(
        "Other texts are not Base64",
        arguments: ["Zg", "Zg=", "Zh==", "Zm 9v", "Z===", "====", "Zg==Zg==", "Zm9-"]
    )
    func noBase64(text: String) {
        #expect(Base64.bytes(text) == nil)
    }

    @Test("A join token survives its text form, and its description hides the secret")
    func joinToken() throws {
        let token = JoinToken(pin: SHA256.hash("ca".utf8))
        #expect(JoinToken(token.text) == token)
        #expect(!"\(token)".contains(Base64.urlText(token.secret)))
    }

    @Test(
        "A changed join token is none",
        arguments: [
            { (text: String) in text + "0" }, { $0.replacing("muster-join.", with: "muster-join..") },
            { String($0.dropLast()) }, { $0.replacing("muster-join", with: "muster") }, { $0 + ".x" },
            { _ in "muster-join.short.AAAA.00" }, { _ in "" },
        ] as [@Sendable (String) -> String]
    )
    func brokenToken(change: @Sendable (String) -> String) {
        #expect(JoinToken(change(JoinToken(pin: .zero).text)) == nil)
    }

    @Test("A host's signature holds for exactly its bytes and its key")
    func hostSignature() throws {
        let (key, other) = (try TLSKey.generate(), try TLSKey.generate())
        #expect(key.publicKey.count == 91 && SHA256.hash(key.publicKey) == key.publicKeyID)
        let bytes = Array("muster".utf8)
        let signature = try key.sign(bytes)
        func holds(_ signature: [UInt8], _ bytes: [UInt8], _ key: [UInt8]) -> Bool {
            TLSKey.verify(signature: signature, of: bytes, publicKey: key)
        }
        #expect(holds(signature, bytes, key.publicKey))
        #expect(try holds(TLSKey(pem: key.pem).sign(bytes), bytes, key.publicKey))
        #expect(!holds(signature, bytes + [0], key.publicKey))
        #expect(!holds(signature, bytes, other.publicKey))
        #expect(!holds(signature + [0], bytes, key.publicKey))
        #expect(!holds(Array(signature.dropLast()), bytes, key.publicKey))
        #expect(!holds([], bytes, key.publicKey))
        #expect(!holds(signature, bytes, key.publicKey + [0]))
        #expect(!holds(signature, bytes, []))
        let agent = key.publicKeyID
        let (first, second) = (QuestionID(at: .zero), QuestionID(at: .zero))
        func signed(_ question: QuestionID) -> [UInt8] {
            Sealing.evidenceBytes(question: question, agent: agent, taken: .zero, digest: .zero)
        }
        #expect(signed(first) != signed(second) && signed(first).count == 19 + 36 + 32 + 8 + 32)
    }

    @Test("A signature holds for exactly its bytes and its key")
    func signature() throws {
        let key = try SigningKey.generate()
        let plan = Sealing.planID(Array("plan".utf8))
        let bytes = Sealing.approvalBytes(plan: plan)
        var signature = try key.sign(bytes)
        let again = try SigningKey(pem: key.pem)
        #expect(again.publicKey == key.publicKey)
        #expect(SigningKey.verify(signature: signature, of: bytes, publicKey: key.publicKey))
        #expect(!SigningKey.verify(signature: signature, of: plan.bytes, publicKey: key.publicKey))
        let other = try SigningKey.generate()
        #expect(!SigningKey.verify(signature: signature, of: bytes, publicKey: other.publicKey))
        signature[10] ^= 1
        #expect(!SigningKey.verify(signature: signature, of: bytes, publicKey: key.publicKey))
        #expect(!SigningKey.verify(signature: [], of: bytes, publicKey: key.publicKey))
    }

    @Test("A key is encrypted as OpenSSL's own tool reads it")
    func passphrase() throws {
        let key = try SigningKey.generate()
        let pem = try key.pem(passphrase: Array("correct horse".utf8))
        #expect(SigningKey.isEncrypted(pem: pem) && !SigningKey.isEncrypted(pem: key.pem))
        #expect(try key.pem(passphrase: Array("correct horse".utf8)) != pem)
        let again = try SigningKey(pem: pem, passphrase: Array("correct horse".utf8))
        #expect(again.publicKey == key.publicKey)
        #expect(throws: IdentityError.self) { try SigningKey(pem: pem, passphrase: Array("correct".utf8)) }
        #expect(throws: IdentityError.self) { try SigningKey(pem: pem, passphrase: []) }
        #expect(throws: IdentityError.self) { try SigningKey(pem: pem) }
        let folder = try TemporaryDirectory()
        let path = try folder.write("key.pem", pem)
        let child = try ChildProcess(
            ["openssl", "asn1parse", "-in", path],
            in: folder
        )
        #expect(try child.waitForExit() == 0)
        #expect(child.output.contains(":PBES2") && child.output.contains(":scrypt"))
        #expect(child.output.contains(":aes-256-cbc"))
        let opened = try ChildProcess(
            ["openssl", "pkey", "-in", path, "-passin", "pass:correct horse", "-noout"],
            in: folder
        )
        #expect(try opened.waitForExit() == 0)
    }

    @Test("A key of another kind, an encrypted one and no key are refused")
    func foreignKeys() throws {
        let signing = try SigningKey.generate()
        let tls = try TLSKey.generate()
        #expect(throws: IdentityError.self) { _ = try TLSKey(pem: signing.pem) }
        #expect(throws: IdentityError.self) { _ = try SigningKey(pem: tls.pem) }
        #expect(throws: IdentityError.self) { _ = try TLSKey(pem: Array("no key".utf8)) }
        #expect(try TLSKey(pem: tls.pem).publicKeyID == tls.publicKeyID)
    }
}
