import CLinux
import Glibc
import MusterCore

/// A program that is run to its end and whose output is wanted.
struct Command {
    struct Result {
        var status: Int32
        var output: String
        var errors: String
    }

    var program: String
    var arguments: [String]
    var environment: [String: String] = [:]
    var user: String?
    /// Pretended host to run on; nil for the machine itself.
    var host: HostNetwork.Host?
    var timeout: Duration = .seconds(30)
    /// Of each stream; more is thrown away.
    var bytesMax = 8 << 20

    /// Runs it; throws when it could not be started or took too long, not for its exit status.
    func run() throws(DrillError) -> Result {
        let output = try Pipe()
        let errors = try Pipe()
        defer {
            output.close()
            errors.close()
        }
        let entry = ProcessEntry(
            parent: getpid(),
            deathSignal: SIGKILL,
            room: host?.room,
            user: user,
            command: [program] + arguments
        )
        let child = try ChildProcess.start(
            program,
            entry: entry,
            output: .descriptors(output: output.writing, errors: errors.writing),
            environment: environment
        )
        output.closeWriting()
        errors.closeWriting()
        let end = WallClock.monotonic() + timeout
        while output.isOpen || errors.isOpen {
            guard WallClock.monotonic() < end, Interruption.signalNumber == nil else { break }
            Pipe.wait(for: [output, errors], upTo: .milliseconds(100))
            output.drain(limit: bytesMax)
            errors.drain(limit: bytesMax)
        }
        while child.isRunning {
            guard WallClock.monotonic() < end, Interruption.signalNumber == nil else {
                child.stop(asking: SIGKILL)
                try Interruption.check()
                throw DrillError(.timeout, "\(line) did not end within \(timeout.spoken)")
            }
            WallClock.sleep(.milliseconds(2))
        }
        return Result(
            status: child.exitStatus ?? -1,
            output: String(decoding: output.bytes, as: UTF8.self),
            errors: String(decoding: errors.bytes, as: UTF8.self)
        )
    }

    /// Runs it and expects exit status 0; the error carries what it said.
    @discardableResult
    func succeed() throws(DrillError) -> String {
        let result = try run()
        guard result.status == 0 else {
            let said = (result.errors.isEmpty ? result.output : result.errors).suffix(2000)
            throw DrillError(.process, "\(line) ended with status \(result.status): \(said)")
        }
        return result.output
    }

    /// The command as one would type it.
    var line: String {
        let name = program.split(separator: "/").last.map(String.init) ?? program
        return ([name] + arguments).map(Self.quoted).joined(separator: " ")
    }

    /// Quotes an argument for a shell when it needs that; for printing only.
    static func quoted(_ text: String) -> String {
        let plain = text.utf8.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
            case UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "/"),
                UInt8(ascii: ":"), UInt8(ascii: "="), UInt8(ascii: ","), UInt8(ascii: "@"):
                true
            default: false
            }
        }
        if plain && !text.isEmpty { return text }
        return "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: #"'\''"#)
            + "'"
    }
}

/// One stream of a child.
private final class Pipe {
    private var reading: Int32
    private(set) var writing: Int32
    private(set) var bytes: [UInt8] = []

    init() throws(DrillError) {
        var ends: [Int32] = [-1, -1]
        guard pipe2(&ends, O_CLOEXEC) == 0 else {
            throw DrillError(.process, "can't make a pipe: \(String(cString: strerror(errno)))")
        }
        reading = ends[0]
        writing = ends[1]
        _ = fcntl(reading, F_SETFL, O_NONBLOCK)
    }

    var isOpen: Bool { reading >= 0 }

    func closeWriting() {
        if writing >= 0 { Glibc.close(writing) }
        writing = -1
    }

    func close() {
        closeWriting()
        if reading >= 0 { Glibc.close(reading) }
        reading = -1
    }

    /// Reads what is there; closes at the end of the stream.
    func drain(limit: Int) {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while reading >= 0 {
            let count = read(reading, &buffer, buffer.count)
            if count > 0 {
                bytes += buffer[..<min(count, max(0, limit - bytes.count))]
            } else if count == 0 {
                Glibc.close(reading)
                reading = -1
            } else {
                return
            }
        }
    }

    static func wait(for pipes: [Pipe], upTo limit: Duration) {
        var waits = pipes.filter(\.isOpen).map { pollfd(fd: $0.reading, events: Int16(POLLIN), revents: 0) }
        poll(&waits, nfds_t(waits.count), Int32(limit.inMilliseconds))
    }
}
