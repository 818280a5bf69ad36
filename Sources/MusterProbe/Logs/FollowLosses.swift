/// What a follower could not hand over as it was written, and what it had to repair.
package struct FollowLosses: Hashable, Sendable {
    /// Lines cut at 8 KiB.
    package var longLines = 0
    /// Times that a file was emptied while it was followed.
    package var truncations = 0
    /// Of those, the ones without a copy beside them: what was written after the last look and before the file was
    /// emptied is gone, and nobody knows how much it was.
    package var truncationsUnsaved = 0
    /// Files replaced by a new one of the same name.
    package var rotations = 0
    /// Rotated files that held something new and could not be read.
    package var siblingsUnread = 0
    /// Files left out now because there are too many; the ones written to last are followed.
    package var filesRefused = 0
    /// Bytes at the start of large files that were not read when following began.
    package var bytesSkipped = 0

    /// What may be missing since the start, for people; nil when nothing is.
    var inWords: String? {
        var parts: [String] = []
        if truncationsUnsaved > 0 {
            parts.append("\(truncationsUnsaved) times a log was emptied without a copy")
        }
        if siblingsUnread > 0 { parts.append("\(siblingsUnread) rotated files could not be read") }
        return parts.isEmpty ? nil : "since the agent's start " + parts.joined(separator: ", ")
    }
}
