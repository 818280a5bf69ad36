import Glibc

/// Rows of comma-separated values with a header, as RFC 4180 has them.
struct CSVTable {
    let columns: [String]
    let path: String
    private let bytes: [UInt8]
    /// Where each field begins and ends, quotes included; a row has as many as there are columns.
    private let fields: [(from: Int, to: Int)]

    /// Nil when there is no such file.
    init?(_ path: String) throws(CLIError) {
        guard var bytes = try GzipFile.read(path) else { return nil }
        // Numbers are read up to the byte behind them.
        bytes.append(0x0A)
        var fields: [(from: Int, to: Int)] = []
        var width = 0
        var inRow = 0
        var place = 0
        var line = 1
        while place < bytes.count {
            let from = place
            if bytes[place] == UInt8(ascii: "\"") {
                place += 1
                while place < bytes.count {
                    if bytes[place] == UInt8(ascii: "\"") {
                        guard place + 1 < bytes.count, bytes[place + 1] == UInt8(ascii: "\"") else { break }
                        place += 1
                    }
                    place += 1
                }
            }
            while place < bytes.count, bytes[place] != UInt8(ascii: ","), bytes[place] != 0x0A { place += 1 }
            var to = place
            let isEnd = place >= bytes.count || bytes[place] == 0x0A
            if isEnd, to > from, bytes[to - 1] == 0x0D { to -= 1 }
            place += 1
            if isEnd, inRow == 0, to == from { continue }
            fields.append((from, to))
            inRow += 1
            guard isEnd else { continue }
            if width == 0 { width = inRow }
            guard inRow == width else {
                throw CLIError(.failed, "\(path): row \(line) has \(inRow) fields, the header has \(width)")
            }
            inRow = 0
            line += 1
        }
        self.path = path
        self.bytes = bytes
        columns = fields.prefix(width).map { Self.text(bytes, $0) }
        self.fields = Array(fields.dropFirst(width))
    }

    var count: Int { columns.isEmpty ? 0 : fields.count / columns.count }

    /// Place of a column; throws when it is missing.
    func column(_ name: String) throws(CLIError) -> Int {
        guard let place = columns.firstIndex(of: name) else {
            throw CLIError(.failed, "\(path) has no column \(name)")
        }
        return place
    }

    func text(_ row: Int, _ column: Int) -> String { Self.text(bytes, fields[row * columns.count + column]) }

    /// Nil for an empty field and for one that is no number.
    func number(_ row: Int, _ column: Int) -> Double? {
        let field = fields[row * columns.count + column]
        guard field.to > field.from else { return nil }
        return bytes.withUnsafeBufferPointer { bytes in
            guard let base = bytes.baseAddress else { return nil }
            return (base + field.from).withMemoryRebound(to: CChar.self, capacity: field.to - field.from + 1)
            {
                var end: UnsafeMutablePointer<CChar>?
                let value = strtod($0, &end)
                return end.map { UnsafePointer($0) } == $0 + (field.to - field.from) && value.isFinite
                    ? value : nil
            }
        }
    }

    private static func text(_ bytes: [UInt8], _ field: (from: Int, to: Int)) -> String {
        guard field.to - field.from >= 2, bytes[field.from] == UInt8(ascii: "\""),
            bytes[field.to - 1] == UInt8(ascii: "\"")
        else {
            return String(decoding: bytes[field.from..<field.to], as: UTF8.self)
        }
        var plain: [UInt8] = []
        var place = field.from + 1
        while place < field.to - 1 {
            plain.append(bytes[place])
            if bytes[place] == UInt8(ascii: "\""), bytes[place + 1] == UInt8(ascii: "\"") { place += 1 }
            place += 1
        }
        return String(decoding: plain, as: UTF8.self)
    }
}
