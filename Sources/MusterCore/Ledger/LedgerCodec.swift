/// The ledger's file format.
///
/// The file begins with `MUSTERL1`. A record is: length of the body (4 bytes, big-endian), CRC-32 of those
/// four bytes, CRC-32 of the body, body. The length has a checksum of its own, so that a flipped bit in it
/// can't make the rest of the file look like a record that was never finished.
package enum LedgerCodec {
    package static let magic = Array("MUSTERL1".utf8)
    /// Bytes before a record's body.
    package static let headerBytes = 12
    /// Largest body: a plan and a report with room to spare.
    package static let bodyBytesMax = 512 << 10

    /// The bytes to append for a record.
    package static func encode(_ record: LedgerRecord) -> [UInt8] {
        var body = ByteWriter()
        switch record {
        case .acknowledged(let number):
            body.byte(2)
            body.word(number)
        case .accepted(let at, let reason):
            body.byte(3)
            body.word(UInt64(bitPattern: at.nanoseconds))
            body.text(reason)
        case .step(let step):
            body.byte(step.rollback == nil ? 1 : 4)
            body.word(step.number)
            body.text(step.report.ticket.description)
            body.blob(step.report.plan.bytes)
            body.text(step.report.state.rawValue)
            body.word(UInt64(bitPattern: step.report.at.nanoseconds))
            body.text(step.report.reason)
            body.word(UInt64(bitPattern: Int64(step.report.exitStatus)))
            body.text(step.report.output)
            body.word(UInt64(bitPattern: Int64(step.report.count)))
            body.text(step.subject)
            body.byte((step.isRollback ? 1 : 0) | (step.isPreApproved ? 2 : 0))
            body.blob(step.plan)
            body.word(UInt64(bitPattern: step.commitDeadline?.nanoseconds ?? 0))
            if let rollback = step.rollback { body.execution(rollback) }
        }
        var header = ByteWriter()
        header.half(UInt32(body.bytes.count))
        let check = CRC32.of(header.bytes)
        header.half(check)
        header.half(CRC32.of(body.bytes))
        return header.bytes + body.bytes
    }

    /// What a whole file holds.
    package struct Contents: Hashable, Sendable {
        package var records: [LedgerRecord] = []
        /// Where each of them ends in the file.
        package var ends: [Int] = []
        /// Length of the part that is sound; the rest is a record that was never finished.
        package var soundBytes = 0
        /// What is wrong in the middle; nil when nothing is.
        package var damage: String?
    }

    /// Reads a whole file.
    ///
    /// A record that breaks off at the end was being written when the power went: it was never acted upon
    /// and is left out. Anything else that does not check is damage, and nothing after it is believed.
    package static func decode(_ bytes: [UInt8]) -> Contents {
        var contents = Contents()
        guard bytes.count >= magic.count else {
            if !bytes.elementsEqual(magic.prefix(bytes.count)) { contents.damage = "the file is no ledger" }
            return contents
        }
        guard bytes.starts(with: magic) else {
            contents.damage = "the file is no ledger"
            return contents
        }
        var offset = magic.count
        contents.soundBytes = offset
        while offset < bytes.count {
            guard bytes.count - offset >= headerBytes else { return contents }
            let length = Int(half(bytes, offset))
            guard CRC32.of(bytes[offset..<offset + 4]) == half(bytes, offset + 4), length <= bodyBytesMax
            else {
                // A file system may leave zeros where an unfinished write was to go.
                if bytes[offset...].allSatisfy({ $0 == 0 }) { return contents }
                contents.damage = "the record at byte \(offset) has a damaged header"
                return contents
            }
            let end = offset + headerBytes + length
            guard end <= bytes.count else { return contents }
            let body = bytes[offset + headerBytes..<end]
            guard CRC32.of(body) == half(bytes, offset + 8), let record = record(body) else {
                if end < bytes.count { contents.damage = "the record at byte \(offset) is damaged" }
                return contents
            }
            contents.records.append(record)
            contents.ends.append(end)
            offset = end
            contents.soundBytes = end
        }
        return contents
    }

    private static func half(_ bytes: [UInt8], _ offset: Int) -> UInt32 {
        bytes[offset..<offset + 4].reduce(0) { $0 << 8 | UInt32($1) }
    }

    private static func record(_ body: ArraySlice<UInt8>) -> LedgerRecord? {
        var reader = ByteReader(body)
        let kind = reader.byte()
        switch kind {
        case 2:
            guard let number = reader.word(), reader.isAtEnd else { return nil }
            return .acknowledged(number)
        case 3:
            guard let at = reader.word(), let reason = reader.text(), reader.isAtEnd else { return nil }
            return .accepted(at: Timestamp(nanoseconds: Int64(bitPattern: at)), reason: reason)
        case 1, 4:
            guard let number = reader.word(), let ticket = reader.text().flatMap({ TicketID($0) }),
                let plan = reader.blob().flatMap({ Digest(bytes: $0) }),
                let state = reader.text().flatMap({ ActionState(rawValue: $0) }),
                let at = reader.word(), let reason = reader.text(), let exitStatus = reader.word(),
                let output = reader.text(), let count = reader.word(), let subject = reader.text(),
                let flags = reader.byte(), let bytes = reader.blob(), let deadline = reader.word()
            else { return nil }
            let rollback = kind == 4 ? reader.execution() : nil
            guard reader.isAtEnd, kind == 1 || rollback != nil else { return nil }
            return .step(
                LedgerStep(
                    number: number,
                    report: ActionReport(
                        ticket: ticket,
                        plan: plan,
                        state: state,
                        at: Timestamp(nanoseconds: Int64(bitPattern: at)),
                        reason: reason,
                        exitStatus: Int(Int64(bitPattern: exitStatus)),
                        output: output,
                        count: Int(Int64(bitPattern: count))
                    ),
                    subject: subject,
                    isRollback: flags & 1 != 0,
                    isPreApproved: flags & 2 != 0,
                    plan: bytes,
                    rollback: rollback,
                    commitDeadline: deadline == 0 ? nil : Timestamp(nanoseconds: Int64(bitPattern: deadline))
                )
            )
        default: return nil
        }
    }
}
