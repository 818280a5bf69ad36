/// Random words for passwords that live as long as a drill.
enum Secrets {
    /// 32 hexadecimal digits from the system's generator.
    static func word() -> String {
        var generator = SystemRandomNumberGenerator()
        return [generator.next(), generator.next()].map { String($0, radix: 16) }.joined()
    }
}
