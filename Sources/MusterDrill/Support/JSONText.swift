import FoundationEssentials

/// Values as JSON text, keys in a fixed order so that two runs can be compared.
enum JSONText {
    static func of(_ value: some Encodable, pretty: Bool = false) throws(DrillError) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        if pretty { encoder.outputFormatting.insert(.prettyPrinted) }
        do {
            return String(decoding: try encoder.encode(value), as: UTF8.self)
        } catch { throw DrillError(.file, "can't write a value as JSON", cause: error) }
    }

    static func value<Value: Decodable>(_ type: Value.Type, from text: String) throws(DrillError) -> Value {
        do {
            return try JSONDecoder().decode(type, from: Data(text.utf8))
        } catch { throw DrillError(.file, "unexpected JSON (\(text.prefix(200)))", cause: error) }
    }
}
