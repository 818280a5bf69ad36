import Glibc

/// Lines for whoever runs the drill; unbuffered, so that they stand where they belong also when it is killed.
package enum Output: Int32, Sendable {
    case standard = 1
    case error = 2

    /// Writes one line.
    package func put(_ line: String) {
        var rest = Array((line + "\n").utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(rawValue, $0.baseAddress, $0.count) }
            if count > 0 { rest = rest.dropFirst(count) } else if errno != EINTR { return }
        }
    }
}
