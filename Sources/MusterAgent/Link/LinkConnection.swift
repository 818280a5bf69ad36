import Glibc
import MusterCore
import MusterIdentity
import MusterWire

/// One connection to the coordinator: socket, TLS and frames.
///
/// Never waits; lives on the loop's thread.
/// It reports each thing once through its closures and does nothing after it was lost or closed.
final class LinkConnection {
    /// How it ended, in the engine's terms and in words.
    struct End {
        var loss: LinkEngine.Loss
        var reason: String
    }

    var onSecured: () -> Void = {}
    var onEnvelope: (WireEnvelope) -> Void = { _ in }
    var onEnd: (End) -> Void = { _ in }
    /// The next frame to send; nil when there is none.
    var nextFrame: () -> [UInt8]? = { nil }

    private enum State {
        case connecting
        case handshaking
        case open
        case closed
    }

    private let loop: EventLoop
    private let descriptor: Int32
    private let tls: TLSClientConnection
    private var state = State.connecting
    private var decoder = FrameDecoder()
    private var writing: [UInt8] = []
    private var written = 0
    private var isFlushing = false

    /// Begins to connect to an address.
    init(
        to address: SocketAddress,
        serverName: String,
        context: TLSClientContext,
        loop: EventLoop
    ) throws(AgentError) {
        let descriptor = try address.connect()
        do {
            tls = try TLSClientConnection(context: context, descriptor: descriptor, serverName: serverName)
        } catch {
            close(descriptor)
            throw AgentError(.system, error.message, cause: error)
        }
        self.loop = loop
        self.descriptor = descriptor
        try loop.watch(descriptor, for: [.write]) { [weak self] ready in self?.ready(ready) }
    }

    deinit { shut() }

    /// Sends what ``nextFrame`` gives, as far as the socket takes it.
    func flush() {
        guard case .open = state, !isFlushing else { return }
        isFlushing = true
        defer { isFlushing = false }
        do throws(IdentityError) {
            while case .open = state {
                if written == writing.count {
                    guard let frame = nextFrame() else { return wait(forWrite: false) }
                    writing = frame
                    written = 0
                }
                let rest = written
                var step = TLSTransfer.wantWrite
                // The closure can't throw a typed error through `withUnsafeBytes`; it hands it out instead.
                var failure: IdentityError?
                writing.withUnsafeBytes { bytes in
                    do throws(IdentityError) {
                        step = try tls.write(UnsafeRawBufferPointer(rebasing: bytes[rest...]))
                    } catch {
                        failure = error
                    }
                }
                if let failure { throw failure }
                switch step {
                case .bytes(let count): written += count
                case .wantRead: return wait(forWrite: false)
                case .wantWrite: return wait(forWrite: true)
                case .closed: return end(.transient, "the coordinator closed the connection")
                }
            }
        } catch {
            end(error)
        }
    }

    /// Ends it from our side, with TLS's goodbye.
    func shut() {
        guard case .closed = state else {
            state = .closed
            tls.close()
            loop.unwatch(descriptor)
            close(descriptor)
            return
        }
    }

    private func ready(_ ready: EventLoop.Readiness) {
        switch state {
        case .connecting: connected()
        case .handshaking: handshake()
        case .open:
            receive()
            flush()
        case .closed: break
        }
    }

    private func connected() {
        var code: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &length)
        guard code == 0 else {
            return end(.transient, "the coordinator can't be reached: \(SystemText.error(code))")
        }
        state = .handshaking
        handshake()
    }

    private func handshake() {
        do throws(IdentityError) {
            switch try tls.handshake() {
            case .wantRead: wait(forWrite: false)
            case .wantWrite: wait(forWrite: true)
            case .done:
                state = .open
                wait(forWrite: false)
                onSecured()
                // Bytes may already wait inside TLS.
                receive()
                flush()
            }
        } catch {
            end(error)
        }
    }

    private func receive() {
        var buffer = [UInt8](repeating: 0, count: 32 << 10)
        do {
            while case .open = state {
                let transfer = try buffer.withUnsafeMutableBytes { try tls.read(into: $0) }
                switch transfer {
                case .bytes(let count):
                    decoder.append(buffer[..<count])
                    while case .open = state, let envelope = try decoder.next() { onEnvelope(envelope) }
                case .wantRead: return
                case .wantWrite: return wait(forWrite: true)
                case .closed: return end(.transient, "the coordinator closed the connection")
                }
            }
        } catch let error as IdentityError {
            end(error)
        } catch {
            // Oversize or garbage: whoever sends that is no coordinator of ours, at least not a sound one.
            end(.transient, "\(error)")
        }
    }

    private func wait(forWrite: Bool) {
        guard case .closed = state else {
            return loop.change(descriptor, to: forWrite ? [.read, .write] : [.read])
        }
    }

    private func end(_ error: IdentityError) {
        end(error.retryCanHelp ? .transient : .standing, error.description)
    }

    private func end(_ loss: LinkEngine.Loss, _ reason: String) {
        guard case .closed = state else {
            shut()
            return onEnd(End(loss: loss, reason: reason))
        }
    }
}
