import CLinux
import Glibc
import MusterCore

/// Reads stretches of log files again and counts who made the requests, with the salt of one question.
///
/// Users are kept nowhere between questions: what can't be read again can't be told, and what is told of two questions
/// can't be joined.
struct RequestReader {
    /// Users of one endpoint.
    struct Users {
        var all = DistinctSketch()
        var failed = DistinctSketch()
    }

    private static let chunkBytes = 256 << 10

    let opened: StretchFiles
    let parser: LogLineParser
    let window: TimeWindow
    /// Only requests of this one; empty for all.
    let service: [UInt8]
    let now: Timestamp
    let hasher: KeyedHash
    let mustStop: () -> Bool

    /// As the history numbers them.
    private var endpoints: EndpointTable
    /// By the endpoint's number.
    private(set) var users: [Users?]
    /// Of the requests of the window, whatever they went to.
    private(set) var clients = FrequentClients()
    /// Requests of the window that were met.
    private(set) var requestsSeen = 0
    private(set) var reasons: [String] = []
    private var lastAt = Timestamp.zero

    init(
        opened: StretchFiles,
        parser: LogLineParser,
        window: TimeWindow,
        service: String,
        now: Timestamp,
        salt: [UInt8],
        endpoints: EndpointTable,
        mustStop: @escaping () -> Bool
    ) {
        self.opened = opened
        self.parser = parser
        // A line belongs to the second in which it was counted.
        self.window = window
        self.service = Array(service.utf8)
        self.now = now
        self.hasher = KeyedHash(salt: salt)
        self.endpoints = endpoints
        self.mustStop = mustStop
        users = Array(repeating: nil, count: endpoints.numbersEnd)
    }

    /// Reads the stretches, the newest first: they matter most when there is not time for all.
    ///
    /// `service` is what the settings say of a stretch's file; empty to take the lines' own word.
    mutating func read(_ stretches: [(stretch: LogIndex.Stretch, service: [UInt8])]) {
        for (stretch, service) in stretches.reversed() {
            guard !mustStop() else {
                reasons.append("users in \(stretch.path) were not counted for want of time")
                continue
            }
            let descriptor: Int32
            do throws(ProbeError) { descriptor = try opened.open(stretch) } catch {
                reasons.append("users in \(stretch.path) were not counted: \(error.message)")
                continue
            }
            defer { close(descriptor) }
            // Lines before the first that names its time are of no moment known.
            lastAt = .zero
            if !read(stretch, descriptor, service: service[...]) {
                reasons.append("users in \(stretch.path) were counted in part for want of time")
            }
        }
    }

    /// Reads one stretch; false when time ran out.
    private mutating func read(
        _ stretch: LogIndex.Stretch,
        _ descriptor: Int32,
        service: ArraySlice<UInt8>
    ) -> Bool {
        let (from, to) = stretch.range(in: descriptor)
        var offset = from
        var buffer = [UInt8](repeating: 0, count: Self.chunkBytes)
        var filled = 0
        var isSkipping = false
        while true {
            guard !mustStop() else { return false }
            let wanted = min(buffer.count - filled, (to ?? .max) - offset)
            let got =
                wanted <= 0
                ? 0
                : buffer.withUnsafeMutableBytes { bytes in
                    pread(descriptor, bytes.baseAddress.map { $0 + filled }, wanted, offset)
                }
            guard got > 0 else { return true }
            offset += got
            let end = filled + got
            var start = 0
            while let stop = buffer.lineBreak(from: start, to: end) {
                if !isSkipping, !take(buffer[start..<stop], service: service) { return false }
                isSkipping = false
                start = stop + 1
            }
            filled = end - start
            if filled > FollowedFile.lineBytesMax {
                // Nobody needs the end of so long a line.
                if !isSkipping { _ = take(buffer[start..<end], service: service) }
                isSkipping = true
                filled = 0
            } else if start > 0 {
                buffer.withUnsafeMutableBytes { bytes in
                    guard let base = bytes.baseAddress else { return }
                    memmove(base, base + start, filled)
                }
            }
        }
    }

    /// Counts a line; false when time ran out.
    private mutating func take(_ line: ArraySlice<UInt8>, service own: ArraySlice<UInt8>) -> Bool {
        let parsed = parser.parse(line.prefix(FollowedFile.lineBytesMax), now: now)
        if let at = parsed.at { lastAt = at }
        guard let request = parsed.request,
            window.contains(Timestamp(nanoseconds: lastAt.wholeSeconds * 1_000_000_000))
        else { return true }
        let lineService = own.isEmpty ? parsed.service ?? [] : own
        guard service.isEmpty || lineService.isEmpty || lineService == service[...] else { return true }
        requestsSeen += 1
        if let client = request.client { clients.add(client, isError: request.status >= 500) }
        if let user = request.user {
            let number = Int(endpoints.known(service: lineService, request: request))
            let hash = hasher.hash(user.prefix(256))
            if users[number] == nil { users[number] = Users() }
            users[number]?.all.add(hash: hash)
            if request.status >= 500 { users[number]?.failed.add(hash: hash) }
        }
        return requestsSeen & 0xFFF != 0 || !mustStop()
    }
}

extension [UInt8] {
    /// The next line break of a part.
    func lineBreak(from start: Int, to end: Int) -> Int? {
        guard start < end else { return nil }
        return withUnsafeBytes { bytes -> Int? in
            guard let base = bytes.baseAddress, let found = memchr(base + start, 0x0A, end - start) else {
                return nil
            }
            return UnsafeRawPointer(found) - base
        }
    }
}
