import FoundationEssentials
import MusterCore
import MusterIdentity
import MusterIncident
import MusterWire
import MusterYAML

/// A runbook file with what stands beside it.
package struct LoadedRunbook: Hashable, Sendable {
    package var file: String
    package var runbook: Runbook
    /// The file's text, byte for byte.
    package var source: String
    package var digest: Digest
    package var signature: RunbookSignature?
    /// Why a signature beside the file does not count; empty when it does or there is none.
    package var signatureProblem: String
}

/// The runbooks of a directory, read anew each time: people edit them while incidents run.
package struct RunbookLibrary: Sendable {
    /// What was found.
    package struct Contents: Sendable {
        /// By name.
        package var runbooks: [LoadedRunbook]
        /// One sentence for each file that can't be used, with file and line.
        package var problems: [String]
    }

    /// Largest runbook file, as the protocol's pre-approval allows.
    package static let bytesMax = 64 << 10
    /// Most files that are read.
    package static let filesMax = 500

    private let directory: String
    private let approvers: ApproverDirectory

    /// - Parameters:
    ///   - directory: Its files `*.yaml` are runbooks; `NAME.yaml.approval` beside one holds a signature.
    ///   - approvers: A signature of anybody not listed is left to the hosts to judge.
    package init(directory: String, approvers: ApproverDirectory) {
        self.directory = directory
        self.approvers = approvers
    }

    package func read() -> Contents {
        var contents = Contents(runbooks: [], problems: [])
        let names: [String]
        do {
            names = try FileManager.default.contentsOfDirectory(atPath: directory)
        } catch {
            contents.problems.append("the runbook directory \(directory) can't be read: \(error)")
            return contents
        }
        let files = names.filter { $0.hasSuffix(".yaml") && !$0.hasPrefix(".") }.sorted()
        if files.count > Self.filesMax {
            contents.problems.append(
                "\(directory) has \(files.count) runbooks; the first \(Self.filesMax) are used"
            )
        }
        for file in files.prefix(Self.filesMax) {
            do {
                contents.runbooks.append(try load("\(directory)/\(file)"))
            } catch {
                contents.problems.append("\(error)")
            }
        }
        return contents
    }

    private func load(_ path: String) throws -> LoadedRunbook {
        let bytes = try StateFile.read(path, bytesMax: Self.bytesMax)
        let document = try YAMLReader.read(bytes, name: path)
        let runbook = try Runbook(document: document)
        guard let source = String(validating: bytes, as: UTF8.self) else {
            throw StateFileError(message: "\(path) is not UTF-8")
        }
        var loaded = LoadedRunbook(
            file: path,
            runbook: runbook,
            source: source,
            digest: SHA256.hash(bytes),
            signature: nil,
            signatureProblem: ""
        )
        do {
            loaded.signature = try signature(beside: path, over: bytes)
        } catch {
            loaded.signatureProblem = "\(error)"
        }
        return loaded
    }

    /// Nil when there is no file beside the runbook.
    private func signature(beside path: String, over runbook: [UInt8]) throws -> RunbookSignature? {
        let path = "\(path).approval"
        guard StateFile.exists(path) else { return nil }
        let document = try YAMLReader.read(try StateFile.read(path, bytesMax: 256 << 10), name: path)
        var reader = try DocumentReader(document.root, in: path, expecting: "an approval of a runbook")
        let signer = try reader.requiredString("signer")
        guard let declaration = Base64.bytes(try reader.requiredString("declaration")),
            let signature = Base64.bytes(try reader.requiredString("signature")), signature.count == 64
        else {
            throw reader.error(at: reader.position, "\"declaration\" and \"signature\" are base64")
        }
        try reader.finish()
        if let key = (try? approvers.keys(of: .preapprove))?[signer] {
            let signed = Sealing.preApprovalBytes(runbook: runbook, declaration: declaration)
            guard SigningKey.verify(signature: signature, of: signed, publicKey: key) else {
                throw StateFileError(
                    message:
                        "\(path): the signature of \(signer) is not over the runbook as it stands; sign it again"
                )
            }
        }
        return RunbookSignature(
            signer: signer,
            declaration: declaration,
            says: try WireCodec.declaration(from: declaration),
            signature: signature
        )
    }
}
