/// What happens when somebody pays.
struct Checkout: Sendable {
    let release: Release

    /// Why a payment could not be made.
    struct Failure: Error, Hashable, CustomStringConvertible {
        /// What went wrong, as a developer would have written it.
        var description: String
        /// Where, innermost first.
        var frames: [String]
    }

    /// Instalments in items each; one with everything when the release knows no instalments.
    func instalments(items: Int) throws(Failure) -> [Int] {
        guard let split = release.features.splitPayment else { return [items] }
        return try splitPayment(items: items, perInstalment: split.itemsPerInstalment)
    }

    /// The defect of release 4521: the author took for granted that the last instalment is the one that is
    /// not full.
    ///
    /// When the items divide evenly there is no such instalment.
    private func splitPayment(items: Int, perInstalment: Int) throws(Failure) -> [Int] {
        let instalments = stride(from: 0, to: items, by: perInstalment).map { min(perInstalment, items - $0) }
        guard let last = instalments.firstIndex(where: { $0 < perInstalment }) else {
            throw Failure(
                description: "SplitPayment: no open instalment for a cart of \(items) items",
                frames: [
                    "SplitPayment.lastInstalment(SplitPayment.swift:41)",
                    "SplitPayment.plan(SplitPayment.swift:23)",
                    "Checkout.charge(Checkout.swift:87)",
                ]
            )
        }
        return Array(instalments[...last])
    }
}
