import ArgumentParser
import MusterCore
import MusterIdentity

/// Who signs, and with which key.
struct SigningOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("Your private key; else the one of \"muster operator keygen\".", valueName: "file")
    )
    var key: String?

    @Option(
        name: .customLong("as"),
        help: ArgumentHelp("Your name as the hosts' policy lists it.", valueName: "name")
    )
    var name: String?

    @OptionGroup var unlocking: UnlockingOptions

    func signer() throws(CLIError) -> Signer {
        let configuration = try Configuration.read()
        guard let path = key ?? configuration.keyFile else {
            throw CLIError(.usage, "no key is named; make one with \"muster operator keygen\" or give --key")
        }
        guard let name = name ?? configuration.name else {
            throw CLIError(.usage, "give --as with your name as the hosts' policy lists it")
        }
        return Signer(name: name, key: try Signer.read(path, unlocking))
    }
}

/// A person with a key.
struct Signer {
    let name: String
    let key: SigningKey

    /// Reads a key; asks for its passphrase when it has one.
    static func read(_ path: String, _ unlocking: UnlockingOptions) throws(CLIError) -> SigningKey {
        let pem = try Files.readPrivate(path, max: 64 << 10)
        guard SigningKey.isEncrypted(pem: pem) else {
            do {
                return try SigningKey(pem: pem)
            } catch { throw CLIError(.failed, "\(path) holds no usable key", cause: error) }
        }
        var tries = 0
        while true {
            let passphrase = try unlocking.passphrase(of: path)
            tries += 1
            do {
                return try SigningKey(pem: pem, passphrase: passphrase.bytes)
            } catch {
                guard passphrase.isTyped, tries < Passphrase.triesMax else {
                    throw CLIError(.denied, "\(path) stays locked: the passphrase is not right", cause: error)
                }
                Terminal.error("muster: that is not the passphrase of \(path)")
            }
        }
    }

    /// Makes a key in a file that must not be there yet.
    static func makeKey(at path: String, _ protection: NewPassphraseOptions) throws(CLIError) -> SigningKey {
        guard !Files.exists(path) else {
            throw CLIError(.failed, "\(path) is there already; it stays as it is")
        }
        let key: SigningKey
        do {
            key = try SigningKey.generate()
        } catch { throw CLIError(.failed, "can't make a key", cause: error) }
        try Files.create(try pem(key, try protection.passphrase(for: path)), at: path, mode: 0o600)
        return key
    }

    /// The file of a key, encrypted when there is a passphrase.
    static func pem(_ key: SigningKey, _ passphrase: Passphrase?) throws(CLIError) -> [UInt8] {
        guard let passphrase else { return key.pem }
        do {
            return try key.pem(passphrase: passphrase.bytes)
        } catch { throw CLIError(.failed, "can't encrypt the key", cause: error) }
    }

    func approve(_ plan: PlanID) throws(CLIError) -> Approval {
        Approval(signer: name, signature: try sign(Sealing.approvalBytes(plan: plan)))
    }

    func breakGlass(_ plan: PlanID, reason: String) throws(CLIError) -> BreakGlass {
        let signature = try sign(Sealing.breakGlassBytes(plan: plan, reason: reason))
        return BreakGlass(signer: name, reason: reason, signature: signature)
    }

    func sign(_ bytes: [UInt8]) throws(CLIError) -> [UInt8] {
        do {
            return try key.sign(bytes)
        } catch { throw CLIError(.failed, "can't sign", cause: error) }
    }
}
