/// A parsed YAML file that remembers where everything stood, so that an error can name the place.
package struct Document: Hashable, Sendable {
    /// Name of the file, for messages.
    package var name: String
    package var root: DocumentNode

    package init(name: String, root: DocumentNode) {
        self.name = name
        self.root = root
    }
}

/// A place in a file; both count from 1.
package struct DocumentPosition: Hashable, Sendable, Codable {
    package var line: Int
    package var column: Int

    package init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }
}

/// One value of a document.
package struct DocumentNode: Hashable, Sendable {
    package indirect enum Value: Hashable, Sendable {
        /// Text; `quoted` when it stood in quotes or a block, so that `"5"` can be told from `5`.
        case scalar(String, quoted: Bool)
        case sequence([DocumentNode])
        /// In the file's order; keys are unique.
        case mapping([DocumentEntry])
    }

    package var value: Value
    package var position: DocumentPosition

    package init(_ value: Value, at position: DocumentPosition) {
        self.value = value
        self.position = position
    }
}

/// One key of a mapping.
package struct DocumentEntry: Hashable, Sendable {
    package var key: String
    package var position: DocumentPosition
    package var value: DocumentNode

    package init(key: String, position: DocumentPosition, value: DocumentNode) {
        self.key = key
        self.position = position
        self.value = value
    }
}

/// What is wrong in a document, where, and what was expected instead.
package struct DocumentError: Error, Hashable, Sendable, CustomStringConvertible {
    package var file: String
    package var position: DocumentPosition
    package var message: String

    package init(file: String, position: DocumentPosition, message: String) {
        self.file = file
        self.position = position
        self.message = message
    }

    /// `pool.yaml:7:5: unknown key "chekc"; expected one of action, check, threshold`.
    package var description: String { "\(file):\(position.line):\(position.column): \(message)" }
}
