import Glibc
import MusterAnalysis

/// The lines of a file by template.
struct LogGroups {
    private static let chunkBytes = 1 << 20
    /// What of a longer line is looked at.
    private static let lineBytesMax = 1 << 20

    private var miner = LogTemplateMiner(templatesMax: 1 << 20)
    /// Slot of each line's template when it was read.
    private(set) var slots: [Int32] = []
    /// CPU time of the miner alone.
    private(set) var seconds = 0.0

    /// Reads a file; `hasHeader` says whether lines may begin with time, level and the like.
    init(file: String, hasHeader: Bool) throws(CLIError) {
        let descriptor = open(file, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw CLIError(.failed, "can't read \(file): \(String(cString: strerror(errno)))")
        }
        defer { close(descriptor) }
        var buffer: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: Self.chunkBytes)
        var isEnd = false
        while !isEnd {
            let got = read(descriptor, &chunk, chunk.count)
            if got < 0 {
                if errno == EINTR { continue }
                throw CLIError(.failed, "can't read \(file): \(String(cString: strerror(errno)))")
            }
            isEnd = got == 0
            buffer += chunk[..<got]
            let used = learn(buffer, hasHeader: hasHeader, isEnd: isEnd)
            buffer.removeFirst(used)
            Terminal.progress("\(file): \(slots.count) lines")
        }
        Terminal.endProgress()
        seconds += Self.timed { miner.settle() }
    }

    private mutating func learn(_ bytes: [UInt8], hasHeader: Bool, isEnd: Bool) -> Int {
        let before = Self.cpu
        var start = 0
        bytes.withUnsafeBufferPointer { bytes in
            func take(_ end: Int) {
                var stop = min(end, start + Self.lineBytesMax)
                if stop > start, bytes[stop - 1] == 0x0D { stop -= 1 }
                let slot = miner.learn(
                    UnsafeBufferPointer(rebasing: bytes[start..<stop]),
                    hasHeader: hasHeader
                )
                slots.append(Int32(slot))
            }
            guard let base = bytes.baseAddress else { return }
            while let found = memchr(base + start, 0x0A, bytes.count - start) {
                let end = UnsafeRawPointer(found) - UnsafeRawPointer(base)
                take(end)
                start = end + 1
            }
            if isEnd, start < bytes.count {
                take(bytes.count)
                start = bytes.count
            }
        }
        seconds += Self.cpu - before
        return start
    }

    /// Templates after all joining.
    var templatesCount: Int { Set(slots.map { miner.resolve(Int($0)) }).count }

    /// One row a line: its number from 1, the template's id, its text.
    func csv() -> [UInt8] {
        var rows: [Int: [UInt8]] = [:]
        var csv = Array("LineId,EventId,EventTemplate\n".utf8)
        for (index, slot) in slots.enumerated() {
            let slot = miner.resolve(Int(slot))
            if rows[slot] == nil {
                let id = String(miner.id(slot), radix: 16)
                let text = miner.text(slot).split(separator: "\"", omittingEmptySubsequences: false)
                rows[slot] = Array(",\(id),\"\(text.joined(separator: "\"\""))\"\n".utf8)
            }
            csv += String(index + 1).utf8
            csv += rows[slot] ?? []
        }
        return csv
    }

    private static func timed(_ work: () -> Void) -> Double {
        let before = cpu
        work()
        return cpu - before
    }

    private static var cpu: Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
