import MusterCore

/// An entry of the journal as one line of RFC 5424, which ``LogEnvelope`` reads again.
///
///     <11>1 2026-11-23T02:06:00.123456Z web-1 nginx 4711 - - upstream timed out
///
/// The program is the unit's name without `.service`, else the identifier; line breaks inside a message become `\n`.
struct JournalLine {
    /// What is read besides the message.
    static let fields: [StaticString] = [
        "PRIORITY", "_SYSTEMD_UNIT", "SYSLOG_IDENTIFIER", "_HOSTNAME", "_PID", "SYSLOG_FACILITY",
    ]
    private static let messageBytesMax = FollowedFile.lineBytesMax
    private static let nameBytesMax = 128

    var at = Timestamp.zero
    /// RFC 5424's, where the entry names them: else information of a daemon.
    private var severity = 6
    private var facility = 3
    private var unit: [UInt8] = []
    private var identifier: [UInt8] = []
    private var host: [UInt8] = []
    private var process: [UInt8] = []

    /// Takes the value of one of ``fields``.
    mutating func take(_ name: StaticString, _ value: UnsafeRawBufferPointer) {
        switch name.description {
        case "PRIORITY": if let value = Self.number(value), value <= 7 { severity = value }
        case "SYSLOG_FACILITY": if let value = Self.number(value), value <= 23 { facility = value }
        case "_SYSTEMD_UNIT": unit = Self.name(value)
        case "SYSLOG_IDENTIFIER": identifier = Self.name(value)
        case "_HOSTNAME": host = Self.name(value)
        default: process = Self.name(value)
        }
    }

    /// Appends the line and its line break.
    func append(message: UnsafeRawBufferPointer, to bytes: inout [UInt8]) {
        var program = unit[...]
        if program.hasSuffix(".service") { program.removeLast(8) }
        if program.isEmpty { program = identifier[...] }
        bytes += "<\(facility * 8 + severity)>1 \(at) ".utf8
        for part in [host[...], program, process[...]] {
            bytes += part.isEmpty ? [UInt8(ascii: "-")] : part
            bytes.append(0x20)
        }
        bytes += "- - ".utf8
        for byte in message.prefix(Self.messageBytesMax) {
            if byte == 0x0A { bytes += [UInt8(ascii: "\\"), UInt8(ascii: "n")] } else { bytes.append(byte) }
        }
        bytes.append(0x0A)
    }

    private static func number(_ value: UnsafeRawBufferPointer) -> Int? {
        value.count <= 3 ? Array(value)[...].decimal : nil
    }

    /// A name as a line can hold it: what separates fields there becomes an underscore.
    private static func name(_ value: UnsafeRawBufferPointer) -> [UInt8] {
        value.prefix(nameBytesMax).map { $0 > 0x20 && $0 < 0x7F ? $0 : UInt8(ascii: "_") }
    }
}
