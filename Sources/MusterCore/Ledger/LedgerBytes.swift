/// CRC-32 as in IEEE 802.3 (reflected polynomial 0xEDB88320): finds accidents, not attackers.
package enum CRC32 {
    private static let table: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { value, _ in value & 1 == 0 ? value >> 1 : value >> 1 ^ 0xEDB8_8320 }
    }

    package static func of(_ bytes: some Sequence<UInt8>) -> UInt32 {
        ~bytes.reduce(UInt32.max) { value, byte in
            value >> 8 ^ table[Int((value ^ UInt32(byte)) & 0xFF)]
        }
    }
}

/// Writes big-endian integers and length-prefixed bytes.
package struct ByteWriter {
    package private(set) var bytes: [UInt8] = []

    package init() {}

    package mutating func byte(_ value: UInt8) { bytes.append(value) }

    package mutating func half(_ value: UInt32) {
        for shift in [24, 16, 8, 0] as [UInt32] { bytes.append(UInt8(truncatingIfNeeded: value >> shift)) }
    }

    package mutating func word(_ value: UInt64) {
        half(UInt32(truncatingIfNeeded: value >> 32))
        half(UInt32(truncatingIfNeeded: value))
    }

    package mutating func blob(_ value: [UInt8]) {
        half(UInt32(value.count))
        bytes.append(contentsOf: value)
    }

    package mutating func text(_ value: String) { blob(Array(value.utf8)) }
}

/// Reads what ``ByteWriter`` wrote; nil at the first thing that is not there.
package struct ByteReader {
    private var rest: ArraySlice<UInt8>

    package init(_ bytes: ArraySlice<UInt8>) { self.rest = bytes }

    package var isAtEnd: Bool { rest.isEmpty }

    package mutating func byte() -> UInt8? { rest.popFirst() }

    package mutating func half() -> UInt32? {
        guard rest.count >= 4 else { return nil }
        let value = rest.prefix(4).reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        rest = rest.dropFirst(4)
        return value
    }

    package mutating func word() -> UInt64? {
        guard let high = half(), let low = half() else { return nil }
        return UInt64(high) << 32 | UInt64(low)
    }

    package mutating func blob() -> [UInt8]? {
        guard let count = half(), Int(count) <= rest.count else { return nil }
        defer { rest = rest.dropFirst(Int(count)) }
        return Array(rest.prefix(Int(count)))
    }

    package mutating func text() -> String? {
        guard let bytes = blob() else { return nil }
        return String(validating: bytes, as: UTF8.self)
    }
}

extension ByteWriter {
    mutating func execution(_ execution: Execution) {
        switch execution {
        case .command(let command):
            let isPlain = command.surroundings == CommandSurroundings()
            // Agents from before folders and environments read the first kind only.
            byte(isPlain ? 1 : 3)
            text(command.name)
            half(UInt32(command.argv.count))
            for element in command.argv { text(element) }
            text(command.user)
            word(UInt64(bitPattern: Int64(command.timeout.inMilliseconds)))
            half(UInt32(clamping: command.outputBytesMax))
            if !isPlain { surroundings(command.surroundings) }
        case .sql(let sql):
            byte(2)
            text(sql.target)
            text(sql.statement)
            word(UInt64(bitPattern: Int64(sql.timeout.inMilliseconds)))
        }
    }
}

extension ByteWriter {
    private mutating func surroundings(_ surroundings: CommandSurroundings) {
        text(surroundings.folder)
        half(UInt32(surroundings.environment.count))
        for (name, variable) in surroundings.environment.sorted(by: { $0.key < $1.key }) {
            text(name)
            switch variable {
            case .passed: byte(0)
            case .fixed(let value):
                byte(1)
                text(value)
            }
        }
    }
}

extension ByteReader {
    private mutating func surroundings() -> CommandSurroundings? {
        guard let folder = text(), let count = half(), count <= CommandSurroundings.variablesMax else {
            return nil
        }
        var surroundings = CommandSurroundings(folder: folder)
        for _ in 0..<count {
            guard let name = text(), let kind = byte(), kind <= 1 else { return nil }
            guard kind == 1 else {
                surroundings.environment[name] = .passed
                continue
            }
            guard let value = text() else { return nil }
            surroundings.environment[name] = .fixed(value)
        }
        return surroundings
    }

    mutating func execution() -> Execution? {
        let kind = byte()
        switch kind {
        case 1, 3:
            guard let name = text(), let count = half(), count <= 64 else { return nil }
            var argv: [String] = []
            for _ in 0..<count {
                guard let element = text() else { return nil }
                argv.append(element)
            }
            guard let user = text(), let timeout = word(), let outputMax = half() else { return nil }
            guard let surroundings = kind == 3 ? surroundings() : CommandSurroundings() else { return nil }
            return .command(
                CommandExecution(
                    name: name,
                    argv: argv,
                    user: user,
                    timeout: .milliseconds(Int64(bitPattern: timeout)),
                    outputBytesMax: Int(outputMax),
                    surroundings: surroundings
                )
            )
        case 2:
            guard let target = text(), let statement = text(), let timeout = word() else { return nil }
            return .sql(
                SQLExecution(
                    target: target,
                    statement: statement,
                    timeout: .milliseconds(Int64(bitPattern: timeout))
                )
            )
        default: return nil
        }
    }
}
