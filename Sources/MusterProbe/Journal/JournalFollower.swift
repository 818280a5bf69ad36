import MusterCore

/// Reads what is added to a journal, from a few minutes before the first look on.
///
/// Not thread-safe; owned by ``LogRecorder``.
struct JournalFollower {
    private static let backfill = Duration.seconds(900)
    /// How often a journal that could not be opened is tried again, and one that is open is looked at, in seconds.
    private static let retrySeconds = 30.0
    private static let lookSeconds = 1.0
    /// Entries between two looks at the CPU time.
    private static let entriesOfPoll = 512

    let place: JournalPlace
    private let files: HostFiles
    private var reader: JournalReader?
    private var nextLook = -Double.infinity
    private var line: [UInt8] = []
    /// Why there is nothing to read; nil while there is.
    private(set) var problem: String?

    init(_ place: JournalPlace, in files: HostFiles) {
        self.place = place
        self.files = files
    }

    /// Hands over a few hundred new entries, as lines without line breaks; false when there are no more now.
    mutating func poll(seconds: Double, now: Timestamp, deliver: (ArraySlice<UInt8>) -> Void) -> Bool {
        guard seconds >= nextLook else { return false }
        do throws(ProbeError) {
            let reader = try open(now: now)
            for _ in 0..<Self.entriesOfPoll {
                guard try reader.next() else {
                    reader.refresh()
                    nextLook = seconds + Self.lookSeconds
                    return false
                }
                line.removeAll(keepingCapacity: true)
                reader.appendLine(to: &line)
                if !line.isEmpty { deliver(line.dropLast().prefix(FollowedFile.lineBytesMax)) }
            }
            return true
        } catch {
            problem = error.message
            reader = nil
            nextLook = seconds + Self.retrySeconds
            return false
        }
    }

    private mutating func open(now: Timestamp) throws(ProbeError) -> JournalReader {
        if let reader { return reader }
        let opened = try JournalReader(place, in: files)
        opened.seek(to: now - Self.backfill)
        reader = opened
        problem = nil
        return opened
    }
}
