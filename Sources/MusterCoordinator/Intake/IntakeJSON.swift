import FoundationEssentials
import MusterCore

/// Decodes bodies of other systems, and says where they are wrong.
enum IntakeJSON {
    /// - Throws: ``OperationError`` with the code `malformed`: `alerts[2].startsAt: expected a time …`.
    static func decode<Body: Decodable>(_ type: Body.Type, _ raw: [UInt8]) throws(OperationError) -> Body {
        do {
            return try JSONDecoder().decode(type, from: Data(raw))
        } catch let error as DecodingError {
            throw OperationError(.malformed, message(error))
        } catch {
            throw OperationError(.malformed, "the body is no JSON", cause: error)
        }
    }

    private static func message(_ error: DecodingError) -> String {
        switch error {
        case .keyNotFound(let key, let context):
            return "\(place(context.codingPath + [key])): missing"
        case .typeMismatch(_, let context), .valueNotFound(_, let context):
            return "\(place(context.codingPath)): \(context.debugDescription)"
        case .dataCorrupted(let context):
            let path = place(context.codingPath)
            let why = context.underlyingError.map { " (\($0))" } ?? ""
            return path == "body"
                ? "the body is no proper JSON\(why)" : "\(path): \(context.debugDescription)"
        @unknown default: return "the body is not of the expected shape"
        }
    }

    private static func place(_ path: [any CodingKey]) -> String {
        var text = ""
        for key in path {
            if let index = key.intValue {
                text += "[\(index)]"
            } else {
                text += text.isEmpty ? key.stringValue : ".\(key.stringValue)"
            }
        }
        return text.isEmpty ? "body" : text
    }
}
