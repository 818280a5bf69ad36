import Glibc
import MusterCore

/// Opens the files that stretches are of, wherever rotation has put them, and finds rotated files that no index knows.
///
/// What is no plain file is written out as one that has no name: the content of a compressed file, and the journal's
/// entries of the window. Not thread-safe; for one question. What was written out last is kept until something else
/// has to be.
final class StretchFiles {
    private let files: HostFiles
    private let scratch: String
    private let journal: JournalPlace?
    private let mustStop: () -> Bool
    private var siblings: [String: [RotatedSiblings.Sibling]] = [:]
    private var written: (identity: FileIdentity, file: ScratchFile)?

    /// What is wrong with what was written out, once each.
    private(set) var flaws: [String] = []

    /// Times in a file may be later than when it was written to last, and earlier than when the file before it was.
    private static let slack = Duration.seconds(600)

    init(
        _ files: HostFiles,
        scratch: String,
        journal: JournalPlace? = nil,
        mustStop: @escaping () -> Bool
    ) {
        self.files = files
        self.journal = journal
        self.scratch = scratch
        self.mustStop = mustStop
    }

    deinit { if let written { close(written.file.descriptor) } }

    /// Opens the very file that was indexed; the caller closes it.
    ///
    /// Throws when it is nowhere to be found, or can't be inflated.
    func open(_ stretch: LogIndex.Stretch) throws(ProbeError) -> Int32 {
        let identity = FileIdentity(device: stretch.device, inode: stretch.inode)
        if let written, written.identity == identity { return try Self.copy(written.file.descriptor) }
        var found = stretch.isJournal ? nil : find(stretch.path, identity)
        if found == nil, !stretch.isJournal {
            let moved = siblings(of: stretch.path).first { $0.status.identity == identity }
            found = moved.flatMap { find($0.path, identity) }
            guard found != nil else { throw ProbeError(.missing, "\(stretch.path) was rotated away") }
        }
        if let found, !stretch.isGzip { return found }
        defer { if let found { close(found) } }
        if let written { close(written.file.descriptor) }
        written = nil
        var file = try ScratchFile(in: scratch)
        do throws(ProbeError) {
            if let found {
                try file.inflate(found, path: stretch.path, mustStop: mustStop)
            } else if let journal {
                try file.write(
                    journal: journal,
                    in: files,
                    from: stretch.earliest,
                    to: stretch.latest,
                    mustStop: mustStop
                )
            }
        } catch {
            close(file.descriptor)
            throw error
        }
        if let flaw = file.flaw { flaws.append("\(stretch.path) \(flaw)") }
        written = (identity, file)
        return try Self.copy(file.descriptor)
    }

    /// Rotated files of some logs that may hold lines of a window, oldest first for each log.
    ///
    /// Left out are those in `known` and those that are being compressed still. When one was written is taken
    /// from when it, and the one before it, were last written to.
    func rotated(
        of logs: [(path: String, input: Int)],
        in window: TimeWindow,
        known: Set<FileIdentity>
    ) -> [LogIndex.Stretch] {
        var seen = known
        var found: [LogIndex.Stretch] = []
        for log in logs where !mustStop() {
            var since = Timestamp(nanoseconds: .min)
            let all = siblings(of: log.path)
            for sibling in all {
                let latest = Timestamp(nanoseconds: sibling.status.modified) + Self.slack
                defer { since = Timestamp(nanoseconds: sibling.status.modified) - Self.slack }
                guard latest >= window.from, since < window.to,
                    !(sibling.isGzip && all.contains { $0.path + ".gz" == sibling.path }),
                    seen.insert(sibling.status.identity).inserted
                else { continue }
                found += LogIndex.Stretch.whole(
                    sibling.path,
                    sibling.status,
                    input: log.input,
                    earliest: since,
                    latest: latest
                )
            }
        }
        return found
    }

    private func siblings(of path: String) -> [RotatedSiblings.Sibling] {
        if let known = siblings[path] { return known }
        let found = RotatedSiblings.of(path, in: files)
        siblings[path] = found
        return found
    }

    private func find(_ path: String, _ identity: FileIdentity) -> Int32? {
        let descriptor = Glibc.open(files.path(path), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard descriptor >= 0 else { return nil }
        var status = stat()
        if fstat(descriptor, &status) == 0, FileStatus(status).identity == identity { return descriptor }
        close(descriptor)
        return nil
    }

    private static func copy(_ descriptor: Int32) throws(ProbeError) -> Int32 {
        let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
        guard copy >= 0 else { throw ProbeError(.unreadable, "too many files: \(systemError(errno))") }
        return copy
    }
}
