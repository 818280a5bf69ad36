import MusterCore

extension Timestamp {
    /// A date and a second of the day; nil for dates that no clock of ours shows.
    init?(year: Int, month: Int, day: Int, seconds: Int, offset: Int) {
        guard (1970...2261).contains(year), (1...12).contains(month), (1...31).contains(day),
            (0...86_400).contains(seconds), abs(offset) <= 86_400
        else { return nil }
        let days = Timestamp.daysSinceEpoch(year: year, month: month, day: day)
        self.init(nanoseconds: (days * 86_400 + Int64(seconds - offset)) * 1_000_000_000)
    }

    /// Seconds, milliseconds, microseconds or nanoseconds since 1970, told apart by their size.
    ///
    /// The unit is the one that puts the moment between 2001 and 2261, where the nanoseconds of `Int64` end.
    init?(epoch number: Double) {
        switch number {
        case 1e9..<9.2e9: self.init(seconds: number)
        case 1e12..<9.2e12: self.init(nanoseconds: Int64(number * 1e6))
        case 1e15..<9.2e15: self.init(nanoseconds: Int64(number * 1e3))
        case 1e18..<9.2e18: self.init(nanoseconds: Int64(number))
        default: return nil
        }
    }

    /// Number of the month of which three bytes are the English name, as logs write it.
    static func month(_ bytes: ArraySlice<UInt8>) -> Int? {
        guard bytes.count == 3 else { return nil }
        let s = bytes.startIndex
        return month(bytes[s], bytes[s + 1], bytes[s + 2])
    }

    static func month(_ first: UInt8, _ second: UInt8, _ third: UInt8) -> Int? {
        // Told apart by the last two letters.
        let (name, month): (StaticString, Int) =
            switch (second, third) {
            case (0x61, 0x6E): ("Jan", 1)
            case (0x65, 0x62): ("Feb", 2)
            case (0x61, 0x72): ("Mar", 3)
            case (0x70, 0x72): ("Apr", 4)
            case (0x61, 0x79): ("May", 5)
            case (0x75, 0x6E): ("Jun", 6)
            case (0x75, 0x6C): ("Jul", 7)
            case (0x75, 0x67): ("Aug", 8)
            case (0x65, 0x70): ("Sep", 9)
            case (0x63, 0x74): ("Oct", 10)
            case (0x6F, 0x76): ("Nov", 11)
            case (0x65, 0x63): ("Dec", 12)
            default: ("-", 0)
            }
        return name.utf8Start.pointee == first ? month : nil
    }
}
