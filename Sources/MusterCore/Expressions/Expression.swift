/// An arithmetic expression of a runbook: `max_connections * 0.8`.
///
/// Small on purpose: numbers, shares, time spans, names, the four operations and parentheses. Names stand
/// for values that were measured; there is no way to call anything.
package indirect enum Expression: Hashable, Sendable, Codable {
    case number(Double)
    /// `60%`, kept as 0.6.
    case share(Double)
    /// Seconds.
    case span(Double)
    case name(String)
    case negated(Expression)
    case operation(Operation, Expression, Expression)

    package enum Operation: String, Sendable, Codable {
        case plus = "+"
        case minus = "-"
        case times = "*"
        case dividedBy = "/"
    }

    /// All names in it, in order of appearance, each once.
    package var names: [String] {
        switch self {
        case .number, .share, .span: return []
        case .name(let name): return [name]
        case .negated(let inner): return inner.names
        case .operation(_, let left, let right):
            return left.names + right.names.filter { !left.names.contains($0) }
        }
    }

    /// The value, with names looked up.
    package func value(_ lookup: (String) -> ExpressionValue?) throws(ExpressionError) -> ExpressionValue {
        switch self {
        case .number(let value): return ExpressionValue(value, .number)
        case .share(let value): return ExpressionValue(value, .share)
        case .span(let value): return ExpressionValue(value, .span)
        case .name(let name):
            guard let value = lookup(name) else {
                throw ExpressionError(offset: 0, message: "no value is known for \"\(name)\"")
            }
            return value
        case .negated(let inner):
            let value = try inner.value(lookup)
            return ExpressionValue(-value.amount, value.type)
        case .operation(let operation, let left, let right):
            return try ExpressionValue.combine(operation, try left.value(lookup), try right.value(lookup))
        }
    }
}

/// A comparison whose left side is what was measured: `> max_connections * 0.8`.
package struct Condition: Hashable, Sendable, Codable {
    package enum Comparison: String, Sendable, Codable, CaseIterable {
        case less = "<"
        case lessOrEqual = "<="
        case greater = ">"
        case greaterOrEqual = ">="
        case equal = "=="
        case notEqual = "!="
    }

    package var comparison: Comparison
    package var right: Expression
    /// As it stands in the file.
    package var text: String

    package init(comparison: Comparison, right: Expression, text: String) {
        self.comparison = comparison
        self.right = right
        self.text = text
    }

    /// Whether a measured value meets it, and the value it was held against.
    ///
    /// A plain number and a share compare with each other; a time span only with a time span.
    package func isMet(
        by left: ExpressionValue,
        _ lookup: (String) -> ExpressionValue?
    ) throws(ExpressionError) -> (met: Bool, bound: ExpressionValue) {
        let bound = try right.value(lookup)
        guard (left.type == .span) == (bound.type == .span) else {
            throw ExpressionError(
                offset: 0,
                message: "can't compare \(left.type.forPeople) with \(bound.type.forPeople) in \"\(text)\""
            )
        }
        let met =
            switch comparison {
            case .less: left.amount < bound.amount
            case .lessOrEqual: left.amount <= bound.amount
            case .greater: left.amount > bound.amount
            case .greaterOrEqual: left.amount >= bound.amount
            case .equal: left.amount == bound.amount
            case .notEqual: left.amount != bound.amount
            }
        return (met, bound)
    }
}

/// What is wrong in an expression and where, counted in characters from 0.
package struct ExpressionError: Error, Hashable, Sendable, CustomStringConvertible {
    package var offset: Int
    package var message: String

    package init(offset: Int, message: String) {
        self.offset = offset
        self.message = message
    }

    package var description: String { "character \(offset + 1): \(message)" }
}
