import MusterCore

/// Where the recorder keeps what it measured, and how much of it.
package struct RecorderConfiguration: Sendable {
    /// Folder of its own; nil to keep everything in memory only.
    package var folder: String?
    package var memoryBytesMax = 6 << 20
    package var diskBytesMax = 256 << 20

    /// Memory only.
    package init() {}

    /// Reads the key `recorder` of `agent.yaml`; its keys stand at ``ObservationConfiguration``.
    init(_ node: DocumentNode, in outer: DocumentReader) throws(DocumentError) {
        var reader = try outer.reader(of: node, expecting: "the recorder")
        folder = try reader.string("folder")
        if let folder, !folder.hasPrefix("/") || folder.utf8.contains(0) {
            throw reader.error(
                at: reader.position(of: "folder"),
                "\"folder\" must be an absolute path, found \"\(folder)\""
            )
        }
        if let size = try reader.int("memory_max", in: 1...1024) { memoryBytesMax = size << 20 }
        if let size = try reader.int("disk_max", in: 4...1_048_576) { diskBytesMax = size << 20 }
        try reader.finish()
    }
}
