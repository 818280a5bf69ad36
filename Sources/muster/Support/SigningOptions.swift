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

    func signer() throws(CLIError) -> Signer {
        let configuration = try Configuration.read()
        guard let path = key ?? configuration.keyFile else {
            throw CLIError(.usage, "no key is named; make one with \"muster operator keygen\" or give --key")
        }
        guard let name = name ?? configuration.name else {
            throw CLIError(.usage, "give --as with your name as the hosts' policy lists it")
        }
        return Signer(name: name, key: try Signer.read(path))
    }
}

/// A person with a key.
struct Signer {
    let name: String
    let key: SigningKey

    static func read(_ path: String) throws(CLIError) -> SigningKey {
        let pem = try Files.readSecret(path)
        do {
            return try SigningKey(pem: pem)
        } catch { throw CLIError(.failed, "\(path) holds no usable key", cause: error) }
    }

    /// Makes a key in a file that must not be there yet.
    static func makeKey(at path: String) throws(CLIError) -> SigningKey {
        guard !Files.exists(path) else {
            throw CLIError(.failed, "\(path) is there already; it stays as it is")
        }
        let key: SigningKey
        do {
            key = try SigningKey.generate()
        } catch { throw CLIError(.failed, "can't make a key", cause: error) }
        try Files.create(key.pem, at: path, mode: 0o600)
        return key
    }

    func approve(_ plan: PlanID) throws(CLIError) -> Approval {
        Approval(signer: name, signature: try sign(Sealing.approvalBytes(plan: plan)))
    }

    func sign(_ bytes: [UInt8]) throws(CLIError) -> [UInt8] {
        do {
            return try key.sign(bytes)
        } catch { throw CLIError(.failed, "can't sign", cause: error) }
    }
}
