import FoundationEssentials
import Hummingbird
import MusterCore
import NIOCore

/// Reading and writing of JSON bodies.
enum APIBody {
    /// JSON with sorted keys, so that equal values are equal bytes.
    static func data(_ value: some Encodable) throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(value)
    }

    static func response(_ value: some Encodable, status: HTTPResponse.Status = .ok) throws -> Response {
        response(bytes: try data(value), type: "application/json", status: status)
    }

    static func response(
        bytes: some Collection<UInt8>,
        type: String,
        status: HTTPResponse.Status = .ok
    ) -> Response {
        Response(
            status: status,
            headers: [.contentType: type, .cacheControl: "no-store", .xContentTypeOptions: "nosniff"],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes))
        )
    }

    /// The whole body, refused before it is read when its length says it is too large.
    ///
    /// - Throws: ``PayloadTooLarge``.
    static func bytes(of request: Request, max: Int) async throws -> [UInt8] {
        if let length = request.headers[.contentLength].flatMap(Int.init), length > max {
            throw PayloadTooLarge(bytesMax: max)
        }
        do {
            let buffer = try await request.body.collect(upTo: max)
            return Array(buffer.readableBytesView)
        } catch is NIOTooManyBytesError {
            throw PayloadTooLarge(bytesMax: max)
        }
    }

    /// The body as JSON.
    ///
    /// - Throws: ``OperationError`` with the code `malformed`, naming the key that is wrong.
    static func decode<Value: Decodable>(
        _ type: Value.Type,
        from request: Request,
        max: Int
    ) async throws -> Value {
        try decode(type, from: await bytes(of: request, max: max))
    }

    static func decode<Value: Decodable>(_ type: Value.Type, from bytes: [UInt8]) throws -> Value {
        do {
            return try JSONDecoder().decode(type, from: Data(bytes))
        } catch let error as DecodingError {
            throw OperationError(.malformed, "the body is not as expected: \(explain(error))")
        }
    }

    private static func explain(_ error: DecodingError) -> String {
        func path(_ context: DecodingError.Context, _ last: (any CodingKey)? = nil) -> String {
            let keys = context.codingPath + [last].compactMap { $0 }
            return keys.isEmpty ? "it" : keys.map(\.stringValue).joined(separator: ".")
        }
        switch error {
        case .keyNotFound(let key, let context): return "\(path(context, key)) is missing"
        case .typeMismatch(_, let context), .valueNotFound(_, let context):
            return "\(path(context)): \(context.debugDescription)"
        case .dataCorrupted(let context): return "\(path(context)): \(context.debugDescription)"
        @unknown default: return "it could not be read"
        }
    }
}

/// A body larger than what the call takes.
struct PayloadTooLarge: Error {
    let bytesMax: Int
}

/// Too many failed attempts from one address.
struct TooManyFailures: Error {}

/// One operator calls more often than one may.
struct TooManyCalls: Error {}

/// No token, or one that is not accepted.
struct Unauthenticated: Error {
    let message: String
}
