/// A number with its kind.
package struct ExpressionValue: Hashable, Sendable, Codable {
    package enum Kind: String, Sendable, Codable {
        case number
        /// A part of a whole; 1 is all of it.
        case share
        /// Seconds.
        case span

        /// The kind in words.
        package var forPeople: String {
            switch self {
            case .number: "a number"
            case .share: "a percentage"
            case .span: "a time span"
            }
        }
    }

    package var amount: Double
    package var type: Kind

    package init(_ amount: Double, _ type: Kind) {
        self.amount = amount
        self.type = type
    }

    /// Reads what a database says of a setting or a scalar: `40`, `0.93`, `t`, `30s`.
    ///
    /// Nil for anything that is no finite number, truth value or time span.
    package init?(measured text: String) {
        if let number = Double(text), number.isFinite {
            self.init(number, .number)
        } else if text == "t" || text == "true" || text == "on" {
            self.init(1, .number)
        } else if text == "f" || text == "false" || text == "off" {
            self.init(0, .number)
        } else if let span = Duration(operatorText: text) {
            self.init(span.inSeconds, .span)
        } else {
            return nil
        }
    }

    /// `38`, `92.5%`, `4.2 s`.
    package var text: String {
        switch type {
        case .number: amount.text(decimals: 3)
        case .share: amount.percentText
        case .span: "\(amount.text(decimals: 3)) s"
        }
    }

    static func combine(
        _ operation: Expression.Operation,
        _ left: ExpressionValue,
        _ right: ExpressionValue
    ) throws(ExpressionError) -> ExpressionValue {
        let amount: Double
        let type: Kind
        switch operation {
        case .plus, .minus:
            guard left.type == right.type else {
                throw ExpressionError(
                    offset: 0,
                    message: "can't add or subtract \(left.type.forPeople) and \(right.type.forPeople)"
                )
            }
            amount = operation == .plus ? left.amount + right.amount : left.amount - right.amount
            type = left.type
        case .times:
            guard left.type != .span || right.type != .span else {
                throw ExpressionError(offset: 0, message: "can't multiply two time spans")
            }
            amount = left.amount * right.amount
            if left.type == .span || right.type == .span {
                type = .span
            } else {
                type = left.type == .share && right.type == .share ? .share : .number
            }
        case .dividedBy:
            guard right.amount != 0 else { throw ExpressionError(offset: 0, message: "division by zero") }
            guard right.type != .span || left.type == .span else {
                throw ExpressionError(
                    offset: 0,
                    message: "can't divide \(left.type.forPeople) by a time span"
                )
            }
            amount = left.amount / right.amount
            type = right.type == .span ? .number : left.type == right.type ? .number : left.type
        }
        guard amount.isFinite else { throw ExpressionError(offset: 0, message: "the result is too large") }
        return ExpressionValue(amount, type)
    }
}
