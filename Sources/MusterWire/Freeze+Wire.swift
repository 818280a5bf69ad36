import MusterCore
import SwiftProtobuf

extension WireFreezes {
    /// What an agent that takes this message names among its capabilities.
    package static let capability = "freeze"

    /// The freezes that concern an agent.
    package init(_ freezes: [Freeze]) {
        self.init()
        self.freezes = freezes.prefix(Freeze.countMax).map { freeze in
            .with {
                $0.service = Fields.clipped(freeze.service ?? "", max: Freeze.serviceBytesMax)
                $0.by = Fields.clipped(freeze.by, max: Freeze.byBytesMax)
                $0.reason = Fields.clipped(freeze.reason, max: Freeze.reasonBytesMax)
                $0.sinceNs = freeze.since.nanoseconds
                $0.untilNs = freeze.until?.nanoseconds ?? 0
            }
        }
    }

    /// Reads what an agent keeps on its disk.
    package init(kept bytes: [UInt8]) throws(WireError) {
        do {
            try self.init(serializedBytes: bytes)
        } catch {
            throw WireError(.malformed, "the bytes are no list of freezes")
        }
    }

    /// What an agent keeps on its disk.
    package var keptBytes: [UInt8] {
        do {
            return try serializedBytes()
        } catch {
            // A proto3 message has no required field; only one beyond 2 GiB can fail.
            preconditionFailure("the freezes could not be serialised: \(error)")
        }
    }

    /// The freezes; throws when one is beyond a limit.
    package var values: [Freeze] {
        get throws(WireError) {
            try Fields.check(freezes.count, max: Freeze.countMax, "freezes")
            var values: [Freeze] = []
            for wire in freezes {
                try Fields.check(wire.service.utf8.count, max: Freeze.serviceBytesMax, "freeze: service")
                try Fields.check(wire.by.utf8.count, max: Freeze.byBytesMax, "freeze: by")
                try Fields.check(wire.reason.utf8.count, max: Freeze.reasonBytesMax, "freeze: reason")
                values.append(
                    Freeze(
                        service: wire.service.isEmpty ? nil : wire.service,
                        by: wire.by,
                        reason: wire.reason,
                        since: Timestamp(nanoseconds: wire.sinceNs),
                        until: wire.untilNs == 0 ? nil : Timestamp(nanoseconds: wire.untilNs)
                    )
                )
            }
            return values
        }
    }
}
