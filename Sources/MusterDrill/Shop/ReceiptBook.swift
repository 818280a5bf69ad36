import Glibc
import MusterCore

/// Writes a receipt of each payment to the shop's data disk, as the law wants it: without receipt no payment.
struct ReceiptBook: Sendable {
    let folder: String
    private static let receiptBytes = 512

    /// Adds a receipt to the book of this hour.
    ///
    /// `closes` is whether the file is closed again.
    func add(items: Int, closes: Bool) throws(ShopFailure) {
        let path = "\(folder)/receipts"
        let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw failure("can't open \(path)") }
        defer { if closes { close(descriptor) } }
        var line = Array("\(WallClock.now().milliseconds) items=\(items) ".utf8)
        line +=
            Array(repeating: UInt8(ascii: "."), count: max(0, Self.receiptBytes - 1 - line.count)) + [0x0A]
        let count = line.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        guard count == line.count else { throw failure("can't write \(path)") }
    }

    private func failure(_ what: String) -> ShopFailure {
        ShopFailure(message: "\(what): \(String(cString: strerror(errno)))")
    }
}
