import MusterCore
import Testing

@Suite struct KeyedHashTests {
    /// Of the reference implementation, `vectors_sip64`; that of 15 bytes stands in the paper, appendix A.
    @Test(
        "The hash is SipHash-2-4",
        arguments: [
            (0, UInt64(0x726F_DB47_DD0E_0E31)), (1, 0x74F8_39C5_93DC_67FD), (7, 0xAB02_00F5_8B01_D137),
            (8, 0x93F5_F579_9A93_2462), (15, 0xA129_CA61_49BE_45E5), (63, 0x958A_324C_EB06_4572),
        ]
    )
    func vectors(length: Int, expected: UInt64) {
        let hash = KeyedHash(salt: Array(0..<16))
        #expect(hash.hash((0..<length).map { UInt8($0) }) == expected)
    }

    @Test("Salts give other hashes, also when one is another with a byte more or of another length")
    func salts() {
        let value = Array("ana".utf8)
        let salts: [[UInt8]] = [
            [], [0], [0, 0], [1], Array(0..<15), Array(0..<16), Array(0..<17), Array(1..<17),
            [UInt8](repeating: 0, count: 16),
        ]
        #expect(Set(salts.map { KeyedHash(salt: $0).hash(value) }).count == salts.count)
        #expect(Set(salts.map { KeyedHash(salt: $0) }).count == salts.count)
    }

    @Test("The same salt gives the same hash on every host, and every value another")
    func values() {
        let values: [[UInt8]] = (0..<1_000).map { Array("user-\($0)".utf8) } + [[], [0], [0, 0]]
        let first = values.map { KeyedHash(salt: [9, 9]).hash($0) }
        #expect(first == values.map { KeyedHash(salt: [9, 9]).hash($0) })
        #expect(Set(first).count == values.count)
    }

    @Test("Bytes in memory hash as any other sequence of them does")
    func slices() {
        let bytes = (0..<80).map { UInt8($0 * 7 % 256) }
        let hasher = KeyedHash(salt: Array(1...16))
        for start in 0..<9 {
            for end in start...80 {
                #expect(hasher.hash(bytes[start..<end]) == hasher.hash(AnySequence(bytes[start..<end])))
            }
        }
    }
}
