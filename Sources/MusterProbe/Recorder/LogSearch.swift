import CLinux
import Glibc
import MusterAnalysis
import MusterCore

/// Reads stretches of log files again and gathers the lines that are asked for.
struct LogSearch {
    /// Bytes read for one question at most, the newest.
    static let bytesMax = 256 << 20
    /// Different templates that are told at most.
    static let templatesMax = 500
    private static let chunkBytes = 256 << 10

    let files: HostFiles
    let parser: LogLineParser
    let window: TimeWindow
    /// Nil for any.
    let level: LogLevel?
    /// Looked for as it is written, letters of either case equal; empty for any.
    let text: String
    let service: String
    let rowsMax: Int
    /// Bytes of lines kept in memory at most.
    let linesBytesMax: Int
    let now: Timestamp
    let mustStop: () -> Bool

    private struct TemplateKey: Hashable {
        var pattern: String
        var level: LogLevel?
        var service: String
    }

    private var templates: [TemplateKey: LogTemplateCount] = [:]
    private var answer = LogsAnswer()
    private(set) var reasons: [String] = []
    private(set) var rowsDropped = 0
    private var templatesDropped = 0
    /// Bytes of the lines that are kept now.
    private var bytesHeld = 0
    /// The newest time read in this stretch: lines without one of their own belong to the line before.
    private var lastAt: Timestamp?
    private var linesLooked = 0

    init(
        files: HostFiles,
        parser: LogLineParser,
        window: TimeWindow,
        level: LogLevel?,
        text: String,
        service: String,
        rowsMax: Int,
        linesBytesMax: Int,
        now: Timestamp,
        mustStop: @escaping () -> Bool
    ) {
        self.files = files
        self.parser = parser
        self.window = window
        self.level = level
        self.text = text.lowercased()
        self.service = service
        self.rowsMax = max(0, rowsMax)
        self.linesBytesMax = max(0, linesBytesMax)
        self.now = now
        self.mustStop = mustStop
    }

    /// Searches the stretches, each with the service that its file belongs to.
    mutating func search(_ stretches: [(LogIndex.Stretch, service: String)]) {
        var left = Self.bytesMax
        // The newest files first: they matter most when there is not time for all.
        for (stretch, service) in stretches.reversed() {
            guard !mustStop(), left > 0 else {
                reasons.append("\(stretch.path) was not looked at for want of time")
                continue
            }
            guard let descriptor = stretch.open(in: files) else {
                reasons.append("\(stretch.path) was rotated away")
                continue
            }
            lastAt = stretch.starts
            read(stretch, descriptor, service: service, left: &left)
            close(descriptor)
        }
    }

    /// What was found: lines oldest first, templates most frequent first.
    mutating func finish() -> LogsAnswer {
        keepNewest()
        answer.templates = templates.values.sorted { ($0.count, $1.pattern) > ($1.count, $0.pattern) }
        if templatesDropped > 0 {
            reasons.append("\(templatesDropped) lines of rare templates are not listed")
        }
        return answer
    }

    private mutating func read(
        _ stretch: LogIndex.Stretch,
        _ descriptor: Int32,
        service: String,
        left: inout Int
    ) {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return }
        let end = min(stretch.to ?? Int(status.st_size), Int(status.st_size))
        var offset = stretch.from
        if end - offset > left {
            offset = end - left
            reasons.append("\(stretch.path): only the newest \(left >> 20) MiB were looked at")
        }
        var carry: [UInt8] = []
        var carryStart = offset
        var buffer = [UInt8](repeating: 0, count: Self.chunkBytes)
        while offset < end {
            guard !mustStop() else {
                reasons.append("\(stretch.path) was not read to its end for want of time")
                return
            }
            let wanted = min(buffer.count, end - offset)
            let got = buffer.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, wanted, offset) }
            guard got > 0 else { break }
            left -= got
            var start = 0
            while let stop = buffer[start..<got].firstIndex(of: 0x0A) {
                linesLooked += 1
                // A crafted line may be dear; the deadline is the host's, not the line's.
                if linesLooked & 0x3F == 0, mustStop() {
                    reasons.append("\(stretch.path) was not read to its end for want of time")
                    return
                }
                let line = carry.isEmpty ? buffer[start..<stop] : (carry + buffer[start..<stop])[...]
                take(line, at: carryStart, path: stretch.path, service: service)
                carry = []
                start = stop + 1
                carryStart = offset + start
            }
            carry += buffer[start..<got].prefix(max(0, FollowedFile.lineBytesMax - carry.count))
            offset += got
        }
    }

    private mutating func take(_ line: ArraySlice<UInt8>, at offset: Int, path: String, service own: String) {
        let line = line.prefix(FollowedFile.lineBytesMax)
        guard !line.isEmpty else { return }
        answer.scanned += 1
        let parsed = parser.parse(line, now: now)
        let at = parsed.at ?? lastAt ?? window.from
        lastAt = at
        guard window.contains(at), text.isEmpty || line.containsLowercased(text) else { return }
        if let level {
            guard let found = parsed.level, found >= level else { return }
        }
        let lineService = own.isEmpty ? parsed.service.map { String(decoding: $0, as: UTF8.self) } ?? "" : own
        guard service.isEmpty || lineService.isEmpty || lineService == service else { return }
        answer.matched += 1
        let masked = SecretMask.mask(line)
        let shown = String(decoding: masked, as: UTF8.self)
        let key = TemplateKey(
            pattern: Self.pattern(of: parsed),
            level: parsed.level,
            service: lineService
        )
        count(key, at: at, exemplar: shown)
        answer.lines.append(
            LogLine(
                at: at,
                file: path,
                offset: offset,
                level: parsed.level,
                text: shown,
                service: lineService
            )
        )
        bytesHeld += shown.utf8.count
        // Now and then, so that memory stays bounded while the newest are kept.
        if answer.lines.count >= 2 * rowsMax + 1024 || bytesHeld > 2 * linesBytesMax + (1 << 20) {
            keepNewest()
        }
    }

    /// What is counted as one kind of line; of a request without words of its own, where it went and how it ended.
    private static func pattern(of line: ParsedLine) -> String {
        guard let request = line.request, line.message.isEmpty else {
            return LogTemplate.pattern(of: SecretMask.mask(line.message))
        }
        let method = String(decoding: request.method.prefix(16), as: UTF8.self)
        return SecretMask.mask("\(method) \(EndpointPath.normalized(request.path)) \(request.status)")
    }

    /// Keeps the newest lines, as many as may be told.
    private mutating func keepNewest() {
        answer.lines.sort { ($0.at, $0.offset) < ($1.at, $1.offset) }
        var first = answer.lines.count
        var bytes = 0
        while first > 0, answer.lines.count - first < rowsMax {
            let more = bytes + answer.lines[first - 1].text.utf8.count
            guard more <= linesBytesMax else { break }
            bytes = more
            first -= 1
        }
        rowsDropped += first
        answer.lines.removeFirst(first)
        bytesHeld = bytes
    }

    private mutating func count(_ key: TemplateKey, at: Timestamp, exemplar: String) {
        if var known = templates[key] {
            known.count += 1
            known.first = min(known.first, at)
            known.last = max(known.last, at)
            templates[key] = known
        } else if templates.count < Self.templatesMax {
            templates[key] = LogTemplateCount(
                pattern: key.pattern,
                level: key.level,
                service: key.service,
                count: 1,
                first: at,
                last: at,
                exemplar: exemplar
            )
        } else {
            templatesDropped += 1
        }
    }
}

extension ArraySlice<UInt8> {
    /// Whether a lower-case ASCII text is in it, letters of either case equal.
    fileprivate func containsLowercased(_ text: String) -> Bool {
        let needle = Array(text.utf8)
        guard let first = needle.first else { return true }
        guard count >= needle.count else { return false }
        func lower(_ byte: UInt8) -> UInt8 { (0x41...0x5A).contains(byte) ? byte | 0x20 : byte }
        for start in startIndex...(endIndex - needle.count) where lower(self[start]) == first {
            var place = 1
            while place < needle.count, lower(self[start + place]) == needle[place] { place += 1 }
            if place == needle.count { return true }
        }
        return false
    }
}
