extension String {
    /// Its beginning, at most so many bytes: a single character may have any number of them.
    func prefix(bytes: Int) -> String {
        guard utf8.count > bytes else { return self }
        // Not in the middle of a code point.
        var end = utf8.index(startIndex, offsetBy: bytes)
        while UTF8.isContinuation(utf8[end]) { end = utf8.index(before: end) }
        return String(self[..<end])
    }
}
