internal import CYAML
import MusterCore

/// Reads the YAML that people write: configuration, policy, runbooks.
///
/// Host and coordinator use this one reader, so that what was approved can't be understood differently where
/// it is carried out. Of YAML it takes mappings, lists and texts. Anchors, aliases, tags and a second
/// document are refused: they make a file mean more than a reviewer sees. Nothing is guessed about types; a
/// text stays the text that was written.
package enum YAMLReader {
    /// Largest file that is looked at.
    package static let bytesMax = 1 << 20
    /// Deepest nesting of lists and mappings.
    package static let depthMax = 32

    /// Reads one document; an empty file is an empty mapping.
    ///
    /// `name` is the file as people know it; each error starts with it, the line and the column.
    package static func read(_ bytes: [UInt8], name: String) throws(DocumentError) -> Document {
        guard bytes.count <= bytesMax else {
            throw DocumentError(
                file: name,
                position: DocumentPosition(line: 1, column: 1),
                message: "the file has \(bytes.count) bytes; at most \(bytesMax) are read"
            )
        }
        return try bytes.withUnsafeBufferPointer { (buffer) throws(DocumentError) -> Document in
            var events = try EventReader(buffer, file: name)
            return try events.document()
        }
    }
}
