import MusterCore
import MusterIncident

/// A change of a piece of knowledge by hand; what is nil stays as it is.
package struct KnowledgeEdit: Hashable, Sendable, Codable {
    package var cause: CauseKind?
    package var text: String?
    /// What fixed it; empty when that is not known any more.
    package var fix: String?

    package init(cause: CauseKind? = nil, text: String? = nil, fix: String? = nil) {
        self.cause = cause
        self.text = text
        self.fix = fix
    }

    package var isEmpty: Bool { cause == nil && text == nil && fix == nil }
}

/// Knowledge as a file: what `export` writes and `import` reads.
package struct KnowledgeFile: Hashable, Sendable, Codable {
    /// Of the file's shape.
    package var version: Int
    package var exported: Timestamp
    package var items: [KnowledgeItem]

    package static let version = 1
    /// Largest file.
    package static let bytesMax = 32 << 20

    package init(exported: Timestamp, items: [KnowledgeItem]) {
        self.version = Self.version
        self.exported = exported
        self.items = items
    }
}

/// Knowledge to be taken in.
package struct KnowledgeImport: Hashable, Sendable, Codable {
    package var file: KnowledgeFile
    /// Pieces whose id is there already take the place of those; else they are left out.
    package var replace: Bool

    package init(file: KnowledgeFile, replace: Bool) {
        self.file = file
        self.replace = replace
    }
}

/// What became of an import.
package struct KnowledgeReceipt: Hashable, Sendable, Codable {
    package var added = 0
    package var replaced = 0
    /// Left out because their ids are there already.
    package var kept = 0

    package init() {}
}
