internal import CYAML
import MusterCore

/// Turns libyaml's events into nodes.
///
/// Recursive, and bounded by ``YAMLReader/depthMax``.
struct EventReader: ~Copyable {
    private let parser: UnsafeMutablePointer<yaml_parser_t>
    private let bytes: UnsafeBufferPointer<UInt8>
    private let file: String

    /// `bytes` must outlive the reader.
    init(_ bytes: UnsafeBufferPointer<UInt8>, file: String) throws(DocumentError) {
        self.bytes = bytes
        self.file = file
        let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
        guard yaml_parser_initialize(parser) == 1 else {
            parser.deallocate()
            throw DocumentError(
                file: file,
                position: DocumentPosition(line: 1, column: 1),
                message: "not enough memory to read it"
            )
        }
        self.parser = parser
        yaml_parser_set_input_string(parser, bytes.baseAddress, bytes.count)
        yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
    }

    deinit {
        yaml_parser_delete(parser)
        parser.deallocate()
    }

    /// Reads the whole stream, which may hold one document or none.
    mutating func document() throws(DocumentError) -> Document {
        _ = try next()
        let start = try next()
        guard case .documentStart = start.kind else {
            return Document(name: file, root: DocumentNode(.mapping([]), at: start.position))
        }
        let first = try next()
        var root = try node(from: first, depth: 1)
        if case .scalar("", quoted: false) = root.value { root.value = .mapping([]) }
        _ = try next()
        let end = try next()
        guard case .streamEnd = end.kind else {
            throw error(at: end.position, "a second document starts here; a file holds one")
        }
        return Document(name: file, root: root)
    }

    private mutating func node(from event: Event, depth: Int) throws(DocumentError) -> DocumentNode {
        guard depth <= YAMLReader.depthMax else {
            throw error(at: event.position, "nested deeper than \(YAMLReader.depthMax) levels")
        }
        switch event.kind {
        case .scalar(let text, let quoted):
            return DocumentNode(.scalar(text, quoted: quoted), at: event.position)
        case .sequenceStart:
            var items: [DocumentNode] = []
            while true {
                let item = try next()
                if case .sequenceEnd = item.kind { break }
                items.append(try node(from: item, depth: depth + 1))
            }
            return DocumentNode(.sequence(items), at: event.position)
        case .mappingStart:
            return DocumentNode(.mapping(try entries(depth: depth)), at: event.position)
        case .streamStart, .streamEnd, .documentStart, .documentEnd, .sequenceEnd, .mappingEnd:
            throw error(at: event.position, "expected a value")
        }
    }

    private mutating func entries(depth: Int) throws(DocumentError) -> [DocumentEntry] {
        var entries: [DocumentEntry] = []
        var places: [String: DocumentPosition] = [:]
        while true {
            let event = try next()
            if case .mappingEnd = event.kind { return entries }
            guard case .scalar(let key, _) = event.kind else {
                throw error(at: event.position, "a key must be a text")
            }
            if let first = places.updateValue(event.position, forKey: key) {
                throw error(at: event.position, "key \"\(key)\" was already given in line \(first.line)")
            }
            let following = try next()
            let value = try node(from: following, depth: depth + 1)
            entries.append(DocumentEntry(key: key, position: event.position, value: value))
        }
    }

    private mutating func next() throws(DocumentError) -> Event {
        var raw = yaml_event_t()
        guard yaml_parser_parse(parser, &raw) == 1 else { throw syntaxError() }
        defer { yaml_event_delete(&raw) }
        let position = Self.position(of: raw.start_mark)
        switch raw.type {
        case YAML_STREAM_START_EVENT: return Event(.streamStart, position)
        case YAML_DOCUMENT_START_EVENT: return Event(.documentStart, position)
        case YAML_DOCUMENT_END_EVENT: return Event(.documentEnd, position)
        case YAML_SEQUENCE_END_EVENT: return Event(.sequenceEnd, position)
        case YAML_MAPPING_END_EVENT: return Event(.mappingEnd, position)
        case YAML_SCALAR_EVENT:
            let scalar = raw.data.scalar
            try refuse(anchor: scalar.anchor, tag: scalar.tag, at: position)
            let text = String(
                decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length),
                as: UTF8.self
            )
            return Event(.scalar(text, quoted: scalar.style != YAML_PLAIN_SCALAR_STYLE), position)
        case YAML_SEQUENCE_START_EVENT:
            let start = raw.data.sequence_start
            try refuse(anchor: start.anchor, tag: start.tag, at: position)
            return Event(.sequenceStart, position)
        case YAML_MAPPING_START_EVENT:
            let start = raw.data.mapping_start
            try refuse(anchor: start.anchor, tag: start.tag, at: position)
            return Event(.mappingStart, position)
        case YAML_ALIAS_EVENT:
            throw error(at: position, "aliases (*name) are not read; write the value out")
        default:
            return Event(.streamEnd, position)
        }
    }

    private func refuse(
        anchor: UnsafeMutablePointer<UInt8>?,
        tag: UnsafeMutablePointer<UInt8>?,
        at position: DocumentPosition
    ) throws(DocumentError) {
        if anchor != nil {
            throw error(at: position, "anchors (&name) are not read; write the value out")
        }
        if tag != nil {
            throw error(at: position, "tags (!name) are not read; put a text that starts with ! in quotes")
        }
    }

    private func syntaxError() -> DocumentError {
        let state = parser.pointee
        let problem = state.problem.map { String(cString: $0) } ?? "not readable as YAML"
        guard state.error != YAML_READER_ERROR else {
            // libyaml gives an offset only when the bytes themselves are wrong.
            let before = bytes.prefix(state.problem_offset)
            let line = before.count { $0 == UInt8(ascii: "\n") } + 1
            let column = before.reversed().prefix { $0 != UInt8(ascii: "\n") }.count + 1
            return error(
                at: DocumentPosition(line: line, column: column),
                "\(problem); the file must be UTF-8 text"
            )
        }
        let context = state.context.map { " \(String(cString: $0))" } ?? ""
        return error(at: Self.position(of: state.problem_mark), "\(problem)\(context)")
    }

    private func error(at position: DocumentPosition, _ message: String) -> DocumentError {
        DocumentError(file: file, position: position, message: message)
    }

    private static func position(of mark: yaml_mark_t) -> DocumentPosition {
        DocumentPosition(line: Int(mark.line) + 1, column: Int(mark.column) + 1)
    }
}

/// One event of the stream, in Swift's terms.
private struct Event {
    enum Kind {
        case streamStart
        case streamEnd
        case documentStart
        case documentEnd
        case scalar(String, quoted: Bool)
        case sequenceStart
        case sequenceEnd
        case mappingStart
        case mappingEnd
    }

    var kind: Kind
    var position: DocumentPosition

    init(_ kind: Kind, _ position: DocumentPosition) {
        self.kind = kind
        self.position = position
    }
}
