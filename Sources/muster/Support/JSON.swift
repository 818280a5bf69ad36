import FoundationEssentials

/// JSON as the coordinator speaks it.
enum JSON {
    static func bytes(_ value: some Encodable) throws(CLIError) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do {
            return Array(try encoder.encode(value))
        } catch { throw CLIError(.failed, "can't write JSON", cause: error) }
    }

    static func decode<Value: Decodable>(
        _ type: Value.Type,
        _ bytes: some Collection<UInt8>
    ) throws(CLIError) -> Value {
        do {
            return try JSONDecoder().decode(type, from: Data(bytes))
        } catch {
            throw CLIError(
                .failed,
                "the coordinator's answer is not understood; does it have another version?",
                cause: error
            )
        }
    }

    /// Prints a value as one line.
    static func print(_ value: some Encodable) throws(CLIError) {
        Terminal.out(String(decoding: try bytes(value), as: UTF8.self))
    }
}
