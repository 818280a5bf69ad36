/// Reads the fields of a serialised message one after the other (protobuf.dev, "Encoding").
///
/// For lists that come from thousands of hosts at once: values are made of them without a message of the library for
/// every row. What it takes and what it refuses is what the library does, but for groups, which it refuses. The bytes
/// are lent to each call, so that nothing is counted or copied on the way.
struct FieldReader {
    /// A field's value, as far as the bytes tell.
    enum Value {
        case number(UInt64)
        case fixed64(UInt64)
        case fixed32(UInt32)
        /// Where the bytes of a text, a byte string, a message or a packed list stand.
        case bytes(Range<Int>)
    }

    /// One field.
    struct Field {
        let number: UInt64
        let value: Value
    }

    private var position: Int
    private let end: Int

    /// A reader of the message that stands in this part of the bytes.
    init(_ range: Range<Int>) {
        position = range.lowerBound
        end = range.upperBound
    }

    /// The next field; nil at the end.
    mutating func next(in bytes: Span<UInt8>) throws(WireError) -> Field? {
        guard position < end else { return nil }
        let key = try number(in: bytes)
        guard 1..<1 << 29 ~= key >> 3 else { throw malformed("a field has the number \(key >> 3)") }
        let value: Value
        switch key & 7 {
        case 0: value = .number(try number(in: bytes))
        case 1: value = .fixed64(try fixed(8, in: bytes))
        case 2:
            let count = try number(in: bytes)
            guard count <= UInt64(end - position) else {
                throw malformed("a field of \(count) bytes is cut off")
            }
            value = .bytes(position..<position + Int(count))
            position += Int(count)
        case 5: value = .fixed32(UInt32(try fixed(4, in: bytes)))
        default: throw malformed("a field has the wire type \(key & 7)")
        }
        return Field(number: key >> 3, value: value)
    }

    /// The text that a field holds.
    func text(_ range: Range<Int>, in bytes: Span<UInt8>) throws(WireError) -> String {
        do {
            return String(copying: try UTF8Span(validating: bytes.extracting(range)))
        } catch {
            throw malformed("a text is no UTF-8")
        }
    }

    /// A base-128 number, the lowest seven bits first.
    private mutating func number(in bytes: Span<UInt8>) throws(WireError) -> UInt64 {
        var number: UInt64 = 0
        var shift: UInt64 = 0
        while position < end, shift < 64 {
            let byte = bytes[position]
            position += 1
            number |= UInt64(byte & 0x7F) &<< shift
            if byte < 0x80 { return number }
            shift += 7
        }
        throw malformed("a number is cut off or longer than 64 bits")
    }

    /// A little-endian number of so many bytes.
    private mutating func fixed(_ count: Int, in bytes: Span<UInt8>) throws(WireError) -> UInt64 {
        guard end - position >= count else { throw malformed("a number is cut off") }
        var number: UInt64 = 0
        for index in 0..<count { number |= UInt64(bytes[position + index]) << UInt64(8 * index) }
        position += count
        return number
    }

    private func malformed(_ what: String) -> WireError {
        WireError(.malformed, "\(what), before byte \(position)")
    }
}
