extension DocumentReader {
    /// `cwd` and `env` of an action.
    mutating func surroundings(in file: String) throws(DocumentError) -> CommandSurroundings {
        var surroundings = CommandSurroundings()
        if let folder = try string("cwd") {
            guard folder.hasPrefix("/"), folder.utf8.count < 4096, !folder.utf8.contains(0) else {
                throw error(at: position(of: "cwd"), "\"cwd\" must be the absolute path of a folder")
            }
            surroundings.folder = folder
        }
        guard let node = node("env") else { return surroundings }
        guard case .mapping(let entries) = node.value else {
            throw error(
                at: node.position,
                "\"env\" must be \"NAME: agent\" or \"NAME: { value: … }\" lines, found \(node.kindForPeople)"
            )
        }
        guard entries.count <= CommandSurroundings.variablesMax else {
            throw error(
                at: node.position,
                "\"env\" has at most \(CommandSurroundings.variablesMax) variables, found \(entries.count)"
            )
        }
        for entry in entries {
            guard CommandSurroundings.isName(entry.key) else {
                throw error(
                    at: entry.value.position,
                    "\"\(entry.key.prefix(80))\" is no name of a variable: letters, digits and _, not first a digit"
                )
            }
            surroundings.environment[entry.key] = try Self.variable(entry, in: file)
        }
        return surroundings
    }

    private static func variable(
        _ entry: DocumentEntry,
        in file: String
    ) throws(DocumentError) -> CommandSurroundings.Variable {
        if case .scalar("agent", _) = entry.value.value { return .passed }
        var reader = try DocumentReader(
            entry.value,
            in: file,
            expecting: "\"agent\" (the value of the agent's own environment) or a value"
        )
        guard let value = try reader.string("value") else {
            throw reader.error(at: reader.position, "missing key \"value\"")
        }
        guard value.utf8.count <= 4096, !value.utf8.contains(0) else {
            throw reader.error(at: reader.position(of: "value"), "\"value\" has at most 4 KiB")
        }
        try reader.finish()
        return .fixed(value)
    }
}

extension CommandSurroundings {
    fileprivate static func isName(_ text: String) -> Bool {
        guard let first = text.utf8.first, text.utf8.count <= 64, !isDigit(first) else { return false }
        return text.utf8.allSatisfy { isDigit($0) || isLetter($0) }
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}
