/// Why bytes from the peer are no frame, or a message does not fit into one.
package struct FrameError: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Code: String, Sendable {
        /// Longer than a frame may be.
        case oversize
        /// The length says that there is nothing in it.
        case empty
        /// The bytes are no serialised envelope.
        case garbage
    }

    package var code: Code
    /// What was found and what is allowed.
    package var message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }
}
