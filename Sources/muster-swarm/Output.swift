import Dispatch
import FoundationEssentials
import Glibc

/// Where the swarm writes.
enum Output {
    /// One JSON object on a line of standard output; false when nobody reads it any more.
    static func put(_ value: some Encodable) throws -> Bool {
        write(STDOUT_FILENO, Array(try JSONEncoder().encode(value)) + [0x0A])
    }

    /// A line for people.
    static func tell(_ text: String) { _ = write(STDERR_FILENO, Array("muster-swarm: \(text)\n".utf8)) }

    private static func write(_ descriptor: Int32, _ bytes: [UInt8]) -> Bool {
        bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) } == bytes.count
    }
}

/// Signals as they come, for as long as this object is kept.
final class SignalStream {
    let stream: AsyncStream<Int32>
    /// Ends the stream as a signal would.
    let feed: AsyncStream<Int32>.Continuation
    private let sources: [any DispatchSourceSignal]

    init(_ signals: [Int32]) {
        let (stream, feed) = AsyncStream.makeStream(of: Int32.self)
        self.stream = stream
        self.feed = feed
        sources = signals.map { signal in
            Glibc.signal(signal, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: signal, queue: .global())
            source.setEventHandler { feed.yield(signal) }
            source.resume()
            return source
        }
    }
}
