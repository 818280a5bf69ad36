import MusterCore
import Synchronization

/// What people set in the shop's configuration file, `NAME = VALUE` a line; read at the start and at SIGHUP.
struct ShopSettings: Sendable, Hashable {
    /// Larger carts are turned away.
    var cartItemsMax = 12
    /// Checkouts at once; more are turned away.
    var checkoutsMax = 64
    /// What a checkout takes, besides what else it does: waiting for others, and computing.
    var waitMilliseconds = 0
    var workMilliseconds = 0

    static func read(_ path: String) throws(DrillError) -> ShopSettings {
        var settings = ShopSettings()
        for line in try Files.text(path).split(separator: "\n") where !line.hasPrefix("#") {
            let parts = line.split(separator: "=", maxSplits: 1).map { $0.filter { $0 != " " } }
            guard parts.count == 2, let value = Int(parts[1]), value >= 0 else {
                throw DrillError(.usage, "\(path): expected NAME = NUMBER, found \"\(line)\"")
            }
            switch parts[0] {
            case "cart_items_max": settings.cartItemsMax = value
            case "checkouts_max": settings.checkoutsMax = value
            case "wait_ms": settings.waitMilliseconds = value
            case "work_ms": settings.workMilliseconds = value
            default: throw DrillError(.usage, "\(path): nobody knows \"\(parts[0])\"")
            }
        }
        return settings
    }

    /// As the file says it.
    var text: String {
        """
        # Settings of the shop; reload with SIGHUP.
        cart_items_max = \(cartItemsMax)
        checkouts_max = \(checkoutsMax)
        wait_ms = \(waitMilliseconds)
        work_ms = \(workMilliseconds)

        """
    }
}

/// Lets only so many checkouts in at once, each of which takes its time.
final class CheckoutDesk: Sendable {
    private let state: Mutex<(settings: ShopSettings, busy: Int)>

    init(_ settings: ShopSettings) { state = Mutex((settings, 0)) }

    var settings: ShopSettings {
        get { state.withLock(\.settings) }
        set { state.withLock { $0.settings = newValue } }
    }

    /// Serves one checkout; throws at once when it can't be taken.
    @discardableResult
    func serve<Result: Sendable>(items: Int, _ body: () async throws -> Result) async throws -> Result {
        let settings = try state.withLock { state throws(ShopFailure) in
            guard items <= state.settings.cartItemsMax else {
                throw ShopFailure(
                    message:
                        "a cart of \(items) items is larger than cart_items_max = \(state.settings.cartItemsMax)"
                )
            }
            guard state.busy < state.settings.checkoutsMax else {
                throw ShopFailure(message: "\(state.busy) checkouts at once are the most: turned away")
            }
            state.busy += 1
            return state.settings
        }
        defer { state.withLock { $0.busy -= 1 } }
        if settings.waitMilliseconds > 0 {
            try await Task.sleep(for: .milliseconds(settings.waitMilliseconds))
        }
        if settings.workMilliseconds > 0 { Self.work(.milliseconds(settings.workMilliseconds)) }
        return try await body()
    }

    /// Computes for so long on a CPU of its own, as hashing a password does; longer where the CPU is shared.
    private static func work(_ span: Duration) {
        let end = WallClock.threadTime() + span
        var number: UInt64 = 1
        repeat {
            for _ in 0..<2_000 { number = number &* 6_364_136_223_846_793_005 &+ 1 }
        } while WallClock.threadTime() < end && number != 0
    }
}
