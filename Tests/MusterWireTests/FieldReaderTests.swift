import MusterCore
import MusterTesting
import Testing

@testable import MusterWire

/// The reader of our own beside the library, on the same bytes.
@Suite struct FieldReaderTests {
    /// What a message of the library says.
    private static func row(_ wire: WireProcess) -> [String] {
        [
            "\(wire.pid)", "\(wire.parentPid)", wire.name, wire.command, wire.state, "\(wire.uid)",
            "\(Fields.finite(wire.cpuRatio))", "\(Fields.count(wire.residentBytes))", "\(wire.threads)",
            "\(wire.openFiles)", "\(Fields.time(wire.startedAtNs))",
        ]
    }

    private static func row(_ row: ProcessRow) -> [String] {
        [
            "\(row.pid)", "\(row.parent)", row.name, row.command, row.state, "\(row.uid)",
            "\(row.cpuRatio)", "\(row.residentBytes)", "\(row.threads)", "\(row.openFiles)", "\(row.started)",
        ]
    }

    private static func library(_ bytes: [UInt8]) -> [[String]]? {
        guard let answer = try? WireProcessesAnswer(serializedBytes: bytes) else { return nil }
        return [["\(answer.total)"]] + answer.processes.map { row($0) }
    }

    private static func ours(_ bytes: [UInt8]) -> [[String]]? {
        guard let answer = try? ProcessesAnswer(serialised: bytes) else { return nil }
        return [["\(answer.total)"]] + answer.processes.map { row($0) }
    }

    private static let answer = WireProcessesAnswer.with {
        $0.total = .max
        $0.processes = [
            WireProcess(),
            .with {
                $0.pid = .min
                $0.parentPid = .max
                $0.name = "würger"
                $0.command = "/usr/bin/worker --queue orders --config /etc/worker.conf"
                $0.state = "S"
                $0.uid = .max
                $0.cpuRatio = -.pi
                $0.residentBytes = .max
                $0.threads = .max
                $0.openFiles = 300
                $0.startedAtNs = .min
            },
            .with {
                $0.pid = 1
                $0.cpuRatio = .nan
                $0.startedAtNs = 1_764_000_000_000_000_000
            },
        ]
    }

    @Test func valuesAreThoseOfTheLibrary() throws {
        let bytes: [UInt8] = try Self.answer.serializedBytes()
        let found = try #require(Self.ours(bytes))
        #expect(found == Self.library(bytes))
        #expect(found.count == 4)
        #expect(ProcessesAnswer.rows(serialised: bytes) == 3)
    }

    @Test func cutBytesAreRefusedWhereTheLibraryRefusesThem() throws {
        let bytes: [UInt8] = try Self.answer.serializedBytes()
        for count in 0..<bytes.count {
            let part = Array(bytes[..<count])
            #expect(Self.ours(part) == Self.library(part), "\(count) bytes")
        }
    }

    @Test(
        arguments: [
            // A field that nobody knows, of each wire type.
            [0xA0, 0x06, 0x96, 0x01], [0xA1, 0x06, 1, 2, 3, 4, 5, 6, 7, 8], [0xA2, 0x06, 2, 0xFF, 0xFE],
            [0xA5, 0x06, 1, 2, 3, 4],
            // The total twice, as text, in more bytes than it needs, beyond 32 and beyond 64 bits.
            [0x10, 1, 0x10, 2], [0x12, 1, 0x41], [0x10, 0x81, 0x80, 0x00],
            [0x10, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01],
            [0x10, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F],
            [0x10, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01],
            // Field 0, wire types 6 and 7, the end of a group without its start, a name that is no UTF-8, a length of 2^63.
            [0x00, 0x00], [0x16, 0x00], [0x17, 0x00], [0x14], [0x0A, 3, 0x1A, 1, 0xFF],
            [0x0A, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01],
            // A key beyond 32 bits.
            [0x80, 0x80, 0x80, 0x80, 0x10, 0x00],
        ] as [[UInt8]]
    )
    func oddBytesMeanWhatTheyMeanToTheLibrary(_ bytes: [UInt8]) {
        #expect(Self.ours(bytes) == Self.library(bytes))
    }

    @Test func spoiltBytesMeanWhatTheyMeanToTheLibrary() throws {
        let whole: [UInt8] = try Self.answer.serializedBytes()
        var random = SplitMix64(seed: 12)
        var (read, refused) = (0, 0)
        for _ in 0..<20_000 {
            var bytes = whole
            for _ in 0...Int.random(in: 0..<3, using: &random) {
                bytes[Int.random(in: bytes.indices, using: &random)] = UInt8.random(
                    in: .min ... .max,
                    using: &random
                )
            }
            let (ours, library) = (Self.ours(bytes), Self.library(bytes))
            // Groups are the one thing that the library knows and this does not.
            if ours == nil, let message = Self.error(bytes), message.contains("wire type 3") { continue }
            try #require(ours == library, "\(bytes)")
            if ours == nil { refused += 1 } else { read += 1 }
        }
        #expect(read > 1_000 && refused > 1_000)
    }

    private static func error(_ bytes: [UInt8]) -> String? {
        do throws(WireError) {
            _ = try ProcessesAnswer(serialised: bytes)
            return nil
        } catch {
            return error.message
        }
    }
}
