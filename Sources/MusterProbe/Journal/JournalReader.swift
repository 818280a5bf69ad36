import Glibc
import MusterCore

/// Where journal files are.
package enum JournalPlace: Hashable, Sendable {
    /// The running system's own, wherever journald keeps them.
    case system
    /// A folder, as `systemd-journal-remote` fills one.
    case folder(String)
}

/// Reads the entries of a journal, each as a line of ``JournalLine``.
///
/// Not thread-safe, as sd-journal is not: one thread at a time.
final class JournalReader {
    private let library: JournalLibrary
    private let handle: JournalLibrary.Handle

    /// Opens the journal; throws when it, or libsystemd, is not there, or may not be read.
    init(_ place: JournalPlace, in files: HostFiles) throws(ProbeError) {
        library = try JournalLibrary.shared()
        var opened: JournalLibrary.Handle?
        let result: Int32
        let name: String
        switch place {
        case .system:
            name = "the system's journal"
            // This machine's entries only.
            result = library.open(&opened, 1)
        case .folder(let path):
            name = "the journal in \(path)"
            result = library.openFolder(&opened, files.path(path), 0)
        }
        guard result >= 0, let opened else {
            throw ProbeError(
                -result == ENOENT ? .missing : -result == EACCES ? .denied : .unreadable,
                "cannot open \(name): \(systemError(-result))"
            )
        }
        handle = opened
        // Without it, files that journald begins anew would never be noticed.
        _ = library.watch(handle)
    }

    deinit { library.close(handle) }

    /// The next entry is the first that is not earlier than a moment.
    func seek(to moment: Timestamp) {
        _ = library.seek(handle, UInt64(clamping: moment.nanoseconds / 1_000))
    }

    /// Goes to the next entry; false when there is none yet.
    func next() throws(ProbeError) -> Bool {
        let result = library.next(handle)
        guard result >= 0 else {
            throw ProbeError(.unreadable, "cannot read the journal: \(systemError(-result))")
        }
        return result > 0
    }

    /// Takes notice of files that came and went; to be called before reading on after the last entry.
    func refresh() { _ = library.process(handle) }

    /// When the entry was received, in the wall clock of then.
    var at: Timestamp {
        var microseconds: UInt64 = 0
        guard library.time(handle, &microseconds) >= 0 else { return .zero }
        return Timestamp(
            nanoseconds: Int64(clamping: microseconds.multipliedReportingOverflow(by: 1_000).partialValue)
        )
    }

    /// Appends the entry as a line with its line break; an entry without a message is none.
    func appendLine(to bytes: inout [UInt8]) {
        field("MESSAGE") { message in
            var line = JournalLine()
            line.at = at
            for name in JournalLine.fields { field(name) { line.take(name, $0) } }
            line.append(message: message, to: &bytes)
        }
    }

    /// The value of a field, if the entry has it; valid during the call only.
    private func field(_ name: StaticString, _ body: (UnsafeRawBufferPointer) -> Void) {
        var data: UnsafeRawPointer?
        var count = 0
        let skipped = name.utf8CodeUnitCount + 1
        let result = name.withUTF8Buffer { bytes in
            bytes.withMemoryRebound(to: CChar.self) { characters in
                // A static string ends with a zero.
                characters.baseAddress.map { library.field(handle, $0, &data, &count) } ?? -1
            }
        }
        guard result >= 0, let data, count >= skipped else { return }
        body(UnsafeRawBufferPointer(start: data + skipped, count: count - skipped))
    }
}
