import MusterCore

/// What an HTTP error says, as RFC 9457 has it, with Muster's own `code`.
package struct Problem: Hashable, Sendable, Codable, Error {
    /// `urn:muster:problem:` and the code.
    package var type: String
    /// The kind in words; the same for every problem of this type.
    package var title: String
    package var status: Int
    /// What is wrong here and what to do.
    package var detail: String
    /// For programs: `not-found`, `denied`, `busy`.
    package var code: String

    package init(status: Int, code: String, title: String, detail: String) {
        self.type = "urn:muster:problem:\(code)"
        self.title = title
        self.status = status
        self.detail = detail
        self.code = code
    }
}
