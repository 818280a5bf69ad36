/// Text of others inside our Markdown: it can't become markup, links, HTML or new lines.
enum MarkdownText {
    /// Most characters of one piece.
    static let lengthMax = 2_000

    static func escaped(_ text: some StringProtocol) -> String {
        var result = ""
        var previous: Character = " "
        let characters = Array(text.prefix(lengthMax))
        for (index, character) in characters.enumerated() {
            switch character {
            case "\\", "`", "*", "[", "]", "<", ">", "|":
                result.append("\\")
                result.append(character)
            case "_":
                // Inside a word it means nothing: pg_stat_activity stays readable.
                let next = index + 1 < characters.count ? characters[index + 1] : " "
                result += isWord(previous) && isWord(next) ? "_" : "\\_"
            case "&": result += "&amp;"
            case _ where character.isNewline: result += " / "
            case _ where character.unicodeScalars.contains { $0.value < 32 || (127..<160).contains($0.value) }:
                result += " "
            default: result.append(character)
            }
            previous = character
        }
        return text.count > lengthMax ? result + "…" : result
    }

    private static func isWord(_ character: Character) -> Bool { character.isLetter || character.isNumber }
}
