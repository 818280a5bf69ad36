import Glibc
import MusterCore
import Synchronization

/// Faults of the shop that a drill switches on while it runs: `POST /control/fault/NAME/on`.
final class ShopFaults: Sendable {
    enum Name: String, CaseIterable {
        /// Files opened for a checkout are not closed.
        case files
        /// What a checkout needed is not given back.
        case memory
        /// Threads that never end take a CPU each.
        case spin
        /// Each request writes hundreds of lines.
        case flood
        /// The new way to pay, as a flag switches it: it knows no carts of more than five items.
        case express
    }

    /// What a checkout leaves behind, in bytes.
    static let memoryBytes = 1 << 20
    static let floodLines = 400
    /// Enough to leave little of one CPU to requests.
    static let spinThreads = 40

    private let on = Mutex<Set<Name>>([])
    private let kept = Mutex<[UInt]>([])
    private let spinning = Atomic<Bool>(false)

    func isOn(_ name: Name) -> Bool { on.withLock { $0.contains(name) } }

    func set(_ name: Name, _ isOn: Bool) {
        on.withLock { on in
            if isOn { on.insert(name) } else { on.remove(name) }
        }
        guard name == .spin else { return }
        guard spinning.exchange(isOn, ordering: .relaxed) != isOn, isOn else { return }
        for _ in 0..<Self.spinThreads {
            // Ends when the fault is switched off, else with the process.
            _ = try? WorkerThread { [self] in
                var number: UInt64 = 1
                while spinning.load(ordering: .relaxed) {
                    for _ in 0..<1_000_000 { number = number &* 6_364_136_223_846_793_005 &+ 1 }
                }
                Self.sink.store(number, ordering: .relaxed)
            }
        }
    }

    /// So that the work can't be left out.
    private static let sink = Atomic<UInt64>(0)

    /// What goes wrong with a checkout.
    func strike(items: Int) throws(ShopFailure) {
        if isOn(.memory) { try leakMemory() }
        if isOn(.express), items > 5 {
            throw ShopFailure(message: "ExpressPay: no tariff for a cart of \(items) items")
        }
    }

    /// Touched, so that it is really taken from the host.
    private func leakMemory() throws(ShopFailure) {
        guard let memory = malloc(Self.memoryBytes) else {
            throw ShopFailure(message: "can't reserve a buffer: \(String(cString: strerror(errno)))")
        }
        memset(memory, 1, Self.memoryBytes)
        let address = UInt(bitPattern: memory)
        kept.withLock { $0.append(address) }
    }
}

/// Why a checkout failed, as a developer would have written it.
struct ShopFailure: Error, CustomStringConvertible {
    var message: String
    var description: String { message }
}
