/// What one parameter of an action may look like.
///
/// No kind lets a value begin with `-`, so that none can become an option of the command, and none but
/// `enum` lets it hold a slash.
package enum PolicyParameter: Hashable, Sendable {
    /// Letters, digits, `.`, `_`, `+`, `~` and `-`: `4521`, `1.24.3-rc1`. At most 64 bytes.
    case version
    /// A whole number, without sign, spaces or leading zeros.
    case integer(ClosedRange<Int>)
    /// Letters, digits, `_` and `-`. At most 64 bytes.
    case word
    /// One of the values that the policy lists.
    case oneOf([String])

    /// Why a value does not fit; nil when it does.
    package func complaint(about value: String) -> String? {
        switch self {
        case .version:
            fits(value, also: "._+~-")
                ? nil : "must be a version: letters, digits and ._+~- , beginning with a letter or digit"
        case .word:
            fits(value, also: "_-")
                ? nil : "must be a word: letters, digits, _ and -, beginning with a letter or digit"
        case .integer(let range):
            // The text is compared as well: Int reads "+5" and "007", a command may not.
            Int(value).map { range.contains($0) && String($0) == value } == true
                ? nil : "must be a whole number from \(range.lowerBound) to \(range.upperBound)"
        case .oneOf(let values):
            // By bytes: text compares "é" as equal to "e" with an accent behind it, a command does not.
            values.contains { $0.utf8.elementsEqual(value.utf8) }
                ? nil : "must be one of \(values.joined(separator: ", "))"
        }
    }

    private func fits(_ value: String, also others: String) -> Bool {
        guard let first = value.utf8.first, value.utf8.count <= 64, Self.isPlain(first) else { return false }
        let others = Array(others.utf8)
        return value.utf8.allSatisfy { Self.isPlain($0) || others.contains($0) }
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: false
        }
    }
}

extension PolicyAction {
    /// The argv of a plan's command: the policy's with its parameters put in.
    ///
    /// Throws a sentence for the report when a parameter is missing, unknown or not of its kind. A value
    /// stays inside the one element that names it and is never looked at again.
    package func expand(_ values: [String: String]) throws(PolicyRefusal) -> [String] {
        for name in values.keys.sorted() where parameters[name] == nil {
            throw PolicyRefusal(
                "action \(self.name) has no parameter \"\(name.prefix(64))\" in this host's policy"
            )
        }
        for (name, parameter) in parameters.sorted(by: { $0.key < $1.key }) {
            guard let value = values[name] else {
                throw PolicyRefusal("action \(self.name) needs the parameter \"\(name)\"")
            }
            if let complaint = parameter.complaint(about: value) {
                throw PolicyRefusal("parameter \"\(name)\" of action \(self.name) \(complaint)")
            }
        }
        return argv.map { element in
            Self.pieces(of: element).map { piece in
                switch piece {
                case .text(let text): text
                case .parameter(let name): values[name] ?? ""
                }
            }.joined()
        }
    }

    enum Piece: Hashable {
        case text(String)
        case parameter(String)
    }

    /// Splits `--to={to}` into its text and parameters; a brace that is never closed is text.
    static func pieces(of element: String) -> [Piece] {
        var pieces: [Piece] = []
        var rest = Substring(element)
        while let open = rest.firstIndex(of: "{"), let close = rest[open...].firstIndex(of: "}") {
            if open > rest.startIndex { pieces.append(.text(String(rest[..<open]))) }
            pieces.append(.parameter(String(rest[rest.index(after: open)..<close])))
            rest = rest[rest.index(after: close)...]
        }
        if !rest.isEmpty { pieces.append(.text(String(rest))) }
        return pieces
    }
}

/// Why a host will not do something, as a sentence for the report.
package struct PolicyRefusal: Error, Hashable, Sendable, CustomStringConvertible {
    package var reason: String

    package init(_ reason: String) { self.reason = reason }

    package var description: String { reason }
}
