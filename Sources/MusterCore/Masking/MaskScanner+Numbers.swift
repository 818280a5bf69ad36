extension MaskScanner {
    /// A card number, a bank account, or the token of a bot: what begins with digits.
    mutating func maskNumber(_ place: Int) -> Bool {
        if ByteKind.isWord(byte(place - 1)), !hasWord("/bot", at: place - 4) {
            guard ByteKind.isUpper(byte(place - 1)), ByteKind.isUpper(byte(place - 2)), place >= 2,
                !ByteKind.isWord(byte(place - 3)), ByteKind.isDigit(byte(place + 1))
            else { return false }
            return maskAccount(place - 2)
        }
        var end = place
        while ByteKind.isDigit(byte(end)) { end += 1 }
        let digits = end - place
        if digits >= 12 || digits == 4 { return maskCard(place) }
        // Telegram: the bot's number, a colon, 35 signs.
        if byte(end) == UInt8(ascii: ":"), (8...10).contains(digits), byte(end + 1) == 0x41,
            byte(end + 2) == 0x41
        {
            var token = end + 1
            while ByteKind.isWord(byte(token)) || byte(token) == UInt8(ascii: "-") { token += 1 }
            return (34...40).contains(token - end) && replace(place, token)
        }
        return false
    }

    /// Digits in a row, or in the groups that cards show them in, with a valid check digit.
    private mutating func maskCard(_ start: Int) -> Bool {
        // After a dot it is the fraction of a number, after a sign a negative one.
        let before = byte(start - 1)
        guard before != UInt8(ascii: ".") || !ByteKind.isDigit(byte(start - 2)),
            before != UInt8(ascii: "-") || ByteKind.isLetter(byte(start - 2))
                || ByteKind.isDigit(byte(start - 2))
        else { return false }
        var digits: [UInt8] = []
        digits.reserveCapacity(20)
        var groups: [Int] = [0]
        var (place, sign) = (start, UInt8(0))
        while digits.count <= 19 {
            let byte = self.byte(place)
            if ByteKind.isDigit(byte) {
                digits.append(byte - 0x30)
                groups[groups.count - 1] += 1
            } else if byte == 0x20 || byte == UInt8(ascii: "-"), groups.count < 5, sign == 0 || sign == byte,
                ByteKind.isDigit(self.byte(place + 1)), groups[groups.count - 1] >= 4
            {
                sign = byte
                groups.append(0)
            } else {
                break
            }
            place += 1
        }
        // A group too many: a number that follows in the line, and no part of the card.
        while groups.count > 1, !CardNumber.isGrouping(groups), groups != [digits.count] {
            let last = groups.removeLast()
            digits.removeLast(last)
            place -= last + 1
        }
        guard !ByteKind.isWord(byte(place)), CardNumber.isGrouping(groups), CardNumber.isCard(digits) else {
            return false
        }
        return replace(start, place, by: "<card>")
    }

    /// IBAN: country, check digits, 11 to 30 letters and digits, in a row or in groups of four; ISO 13616.
    private mutating func maskAccount(_ start: Int) -> Bool {
        guard CardNumber.hasAccounts(byte(start), byte(start + 1)) else { return false }
        var signs: [UInt8] = []
        var place = start
        while signs.count < 34 {
            let byte = self.byte(place)
            if ByteKind.isDigit(byte) || ByteKind.isUpper(byte) {
                signs.append(byte)
            } else if byte != 0x20 || signs.count % 4 != 0
                || !(ByteKind.isDigit(self.byte(place + 1)) || ByteKind.isUpper(self.byte(place + 1)))
            {
                break
            }
            place += 1
        }
        guard signs.count >= 15, !ByteKind.isWord(byte(place)), CardNumber.isAccount(signs) else {
            return false
        }
        return replace(start, place, by: "<account>")
    }
}

/// Numbers of cards and bank accounts, by their check digits.
enum CardNumber {
    /// All in a row, 4-4-4-4 with up to three more, or 4-6-5 and 4-6-4.
    static func isGrouping(_ groups: [Int]) -> Bool {
        groups.count == 1 || groups == [4, 4, 4, 4] || groups == [4, 4, 4, 4, 3] || groups == [4, 6, 5]
            || groups == [4, 6, 4]
    }

    /// Whether digits have the length and prefix of a card issuer and a valid check digit.
    static func isCard(_ digits: [UInt8]) -> Bool {
        guard digits.count >= 14 else { return false }
        let two = Int(digits[0]) * 10 + Int(digits[1])
        let four = two * 100 + Int(digits[2]) * 10 + Int(digits[3])
        let issuer =
            switch digits.count {
            case 14: two == 36 || two == 38 || two == 39 || (300...305).contains(four / 10)
            case 15: two == 34 || two == 37
            case 16:
                digits[0] == 4 || (51...55).contains(two) || (2221...2720).contains(four) || four == 6011
                    || two == 65 || (644...649).contains(four / 10) || (3528...3589).contains(four)
                    || two == 62
            case 19: digits[0] == 4 || two == 62
            default: false
            }
        // 4000 0000 0000 0000 and the like are made up.
        return issuer && Set(digits).count > 1 && isValid(digits)
    }

    /// Luhn, US patent 2950048.
    static func isValid(_ digits: [UInt8]) -> Bool {
        var sum = 0
        for (place, digit) in digits.reversed().enumerated() {
            let doubled = Int(digit) * 2
            sum += place.isMultiple(of: 2) ? Int(digit) : doubled > 9 ? doubled - 9 : doubled
        }
        return sum.isMultiple(of: 10)
    }

    private static let countries = Array(
        ("ADAEALATAZBABEBGBHBRBYCHCRCYCZDEDKDOEEEGESFIFOFRGBGEGIGLGRGTHRHUIEILIQISITJOKWKZLBLCLILTLULVLYMCMDMEMKMRMTMU"
            + "NLNOPKPLPSPTQARORSSASCSDSESISKSMSTSVTLTNTRUAVAVGXK").utf8
    )

    /// Whether a country has accounts of this form.
    static func hasAccounts(_ first: UInt8, _ second: UInt8) -> Bool {
        stride(from: 0, to: countries.count, by: 2).contains {
            countries[$0] == first && countries[$0 + 1] == second
        }
    }

    /// ISO 7064, MOD 97-10: the first four signs moved to the end, letters as 10 to 35.
    static func isAccount(_ signs: [UInt8]) -> Bool {
        var rest = 0
        for sign in signs[4...] + signs[..<4] {
            if sign < 0x41 {
                rest = (rest * 10 + Int(sign - 0x30)) % 97
            } else {
                rest = (rest * 100 + Int(sign - 55)) % 97
            }
        }
        return rest == 1
    }
}
