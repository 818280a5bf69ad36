/// Stems in which words of a vocabulary are looked up without going through all of them.
struct StemSet {
    private let sorted: [String]

    init(_ stems: some Sequence<String>) { sorted = Set(stems).sorted() }

    /// Whether one of them is meant, see ``ChangeWords/matches(_:_:)``.
    ///
    /// The first that is not smaller than the word is the word itself, or begins with it when any does.
    func has(_ word: String) -> Bool {
        var low = 0
        var high = sorted.count
        while low < high {
            let middle = (low + high) / 2
            if sorted[middle] < word { low = middle + 1 } else { high = middle }
        }
        return low < sorted.count && ChangeWords.matches(word, sorted[low])
    }
}
