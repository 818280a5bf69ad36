/// Reads conditions and expressions: at most 512 characters, at most 32 levels deep.
package struct ExpressionParser {
    private enum Token: Hashable {
        case value(Expression)
        case symbol(String)
    }

    private var tokens: [(token: Token, offset: Int)] = []
    private var next = 0
    private var depth = 0
    private let length: Int

    /// Reads `> max_connections * 0.8`.
    package static func condition(_ text: String) throws(ExpressionError) -> Condition {
        var parser = try ExpressionParser(text, from: 0)
        return try parser.condition(text)
    }

    /// Reads `Connection pool utilization < 60%`: words up to the comparison, then the condition.
    package static func phrase(_ text: String) throws(ExpressionError) -> (name: String, condition: Condition)
    {
        let characters = Array(text)
        guard let start = characters.firstIndex(where: { "<>=!".contains($0) }) else {
            throw ExpressionError(
                offset: characters.count,
                message: "expected a comparison such as \"< 60%\" after the signal's name"
            )
        }
        let name = String(characters[..<start]).split(separator: " ").joined(separator: " ")
        guard !name.isEmpty else {
            throw ExpressionError(offset: 0, message: "expected a signal's name before the comparison")
        }
        var parser = try ExpressionParser(text, from: start)
        return (name, try parser.condition(String(characters[start...])))
    }

    private init(_ text: String, from start: Int) throws(ExpressionError) {
        let characters = Array(text)
        self.length = characters.count
        guard characters.count <= 512 else {
            throw ExpressionError(offset: 512, message: "an expression is at most 512 characters long")
        }
        var index = start
        while index < characters.count {
            let character = characters[index]
            if character == " " || character == "\t" || character == "\n" {
                index += 1
            } else if "<>=!".contains(character) {
                let end = index + 1 < characters.count && characters[index + 1] == "=" ? index + 2 : index + 1
                tokens.append((.symbol(String(characters[index..<end])), index))
                index = end
            } else if "+-*/()".contains(character) {
                tokens.append((.symbol(String(character)), index))
                index += 1
            } else if character.isASCII, character.isNumber {
                let word = Self.word(characters, from: index)
                tokens.append((.value(try Self.number(word, at: index)), index))
                index += word.count
            } else if character.isASCII, character.isLetter || character == "_" {
                let word = Self.word(characters, from: index)
                tokens.append((.value(.name(word)), index))
                index += word.count
            } else {
                throw ExpressionError(offset: index, message: "unexpected \"\(character)\"")
            }
        }
    }

    private static func word(_ characters: [Character], from start: Int) -> String {
        var end = start
        while end < characters.count, characters[end].isASCII,
            characters[end].isLetter || characters[end].isNumber || "_.%".contains(characters[end])
        {
            end += 1
        }
        return String(characters[start..<end])
    }

    private static func number(_ word: String, at offset: Int) throws(ExpressionError) -> Expression {
        if word.hasSuffix("%"), let value = Double(word.dropLast()), value.isFinite {
            return .share(value / 100)
        }
        if let value = Double(word), value.isFinite, word.allSatisfy({ $0.isNumber || $0 == "." }) {
            return .number(value)
        }
        if let span = Duration(operatorText: word) { return .span(span.inSeconds) }
        throw ExpressionError(
            offset: offset,
            message: "expected a number, a percentage or a time span, found \"\(word)\""
        )
    }

    private mutating func condition(_ text: String) throws(ExpressionError) -> Condition {
        guard case .symbol(let symbol)? = peek, let comparison = Self.comparison(symbol) else {
            throw error("expected a comparison: one of <, <=, >, >=, ==, !=")
        }
        next += 1
        let right = try sum()
        guard next == tokens.count else { throw error("expected the end") }
        return Condition(comparison: comparison, right: right, text: text)
    }

    private static func comparison(_ symbol: String) -> Condition.Comparison? {
        symbol == "=" ? .equal : Condition.Comparison(rawValue: symbol)
    }

    private mutating func sum() throws(ExpressionError) -> Expression {
        var left = try product()
        while case .symbol(let symbol)? = peek, symbol == "+" || symbol == "-" {
            next += 1
            left = .operation(symbol == "+" ? .plus : .minus, left, try product())
        }
        return left
    }

    private mutating func product() throws(ExpressionError) -> Expression {
        var left = try factor()
        while case .symbol(let symbol)? = peek, symbol == "*" || symbol == "/" {
            next += 1
            left = .operation(symbol == "*" ? .times : .dividedBy, left, try factor())
        }
        return left
    }

    private mutating func factor() throws(ExpressionError) -> Expression {
        depth += 1
        defer { depth -= 1 }
        guard depth <= 32 else { throw error("nested more than 32 levels deep") }
        switch peek {
        case .value(let value):
            next += 1
            return value
        case .symbol("-"):
            next += 1
            return .negated(try factor())
        case .symbol("("):
            next += 1
            let inner = try sum()
            guard peek == .symbol(")") else { throw error("expected \")\"") }
            next += 1
            return inner
        default: throw error("expected a number, a name or \"(\"")
        }
    }

    private var peek: Token? { next < tokens.count ? tokens[next].token : nil }

    private func error(_ expected: String) -> ExpressionError {
        guard next < tokens.count else {
            return ExpressionError(offset: length, message: "\(expected), found the end")
        }
        let found =
            switch tokens[next].token {
            case .symbol(let symbol): symbol
            case .value(.name(let name)): name
            case .value: "a value"
            }
        return ExpressionError(offset: tokens[next].offset, message: "\(expected), found \"\(found)\"")
    }
}
