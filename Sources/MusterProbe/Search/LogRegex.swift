internal import CPCRE2

/// A regular expression of PCRE2 that is asked of one line at a time, on bytes, within limits.
///
/// Not thread-safe: each search has its own. Whatever the pattern, a line costs a bounded number of steps; a line for
/// which they are not enough is undecided, and after some of those the search gives up.
final class LogRegex {
    /// Largest compiled pattern in bytes.
    private static let codeBytesMax: Int = 256 << 10
    /// Steps for one line: milliseconds at the most.
    private static let stepsMax: UInt32 = 200_000
    private static let depthMax: UInt32 = 2_000
    private static let heapKibibytesMax: UInt32 = 2_048
    private static let stackBytesMax = 256 << 10
    /// Undecided lines after which the search gives up.
    static let undecidedMax = 64

    private let api: muster_pcre2
    private let code: OpaquePointer
    private let context: OpaquePointer
    private let data: OpaquePointer
    private let stack: OpaquePointer?
    private let isCompiled: Bool
    /// Lines that took too many steps.
    private(set) var undecided = 0

    /// Compiles a pattern; throws with what is wrong with it, and when the library is not there.
    init(_ pattern: String) throws(ProbeError) {
        let api = try PCRE2Library.shared().api
        let code = try Self.compile(pattern, api)
        // What fails below fails for want of memory.
        guard let context = api.match_context_create(nil) else {
            api.code_free(code)
            throw ProbeError(.unreadable, "no memory for the regular expression")
        }
        guard let data = api.match_data_create(1, nil) else {
            api.match_context_free(context)
            api.code_free(code)
            throw ProbeError(.unreadable, "no memory for the regular expression")
        }
        _ = api.set_match_limit(context, Self.stepsMax)
        _ = api.set_depth_limit(context, Self.depthMax)
        _ = api.set_heap_limit(context, Self.heapKibibytesMax)
        // Without machine code, where the system forbids it, matching is slower and as right.
        _ = api.jit_compile(code, UInt32(PCRE2_JIT_COMPLETE))
        var machineCode = 0
        _ = api.pattern_info(code, UInt32(PCRE2_INFO_JITSIZE), &machineCode)
        isCompiled = machineCode > 0
        stack = isCompiled ? api.jit_stack_create(32 << 10, Self.stackBytesMax, nil) : nil
        if let stack { api.jit_stack_assign(context, nil, UnsafeMutableRawPointer(stack)) }
        self.api = api
        self.code = code
        self.context = context
        self.data = data
    }

    deinit {
        if let stack { api.jit_stack_free(stack) }
        api.match_data_free(data)
        api.match_context_free(context)
        api.code_free(code)
    }

    /// Whether so many lines were undecided that going on is in vain.
    var isTooDear: Bool { undecided >= Self.undecidedMax }

    /// Whether the pattern is somewhere in a line.
    func matches(_ line: UnsafeBufferPointer<UInt8>) -> Bool {
        // An empty buffer may have no address, which the library takes for an error.
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 1) { nothing in
            guard let subject = line.baseAddress ?? nothing.baseAddress.map({ UnsafePointer($0) }) else {
                return false
            }
            let result =
                isCompiled
                ? api.jit_match(code, subject, line.count, 0, 0, data, context)
                : api.match(code, subject, line.count, 0, 0, data, context)
            if result >= 0 { return true }
            if result != PCRE2_ERROR_NOMATCH { undecided += 1 }
            return false
        }
    }

    private static func compile(_ pattern: String, _ api: muster_pcre2) throws(ProbeError) -> OpaquePointer {
        guard let context = api.compile_context_create(nil) else {
            throw ProbeError(.unreadable, "no memory for the regular expression")
        }
        defer { api.compile_context_free(context) }
        _ = api.set_parens_nest_limit(context, 50)
        // Bytes, whatever the pattern says: logs hold what is no UTF-8. \C and callouts have no use here.
        let options = PCRE2_NEVER_UTF | PCRE2_NEVER_UCP | PCRE2_NEVER_BACKSLASH_C
        var (problem, place): (Int32, Int) = (0, 0)
        let bytes = Array(pattern.utf8)
        guard let code = api.compile(bytes, bytes.count, UInt32(options), &problem, &place, context) else {
            throw ProbeError(.refused, "the regular expression at byte \(place): \(message(problem, api))")
        }
        var size = 0
        _ = api.pattern_info(code, UInt32(PCRE2_INFO_SIZE), &size)
        guard size <= codeBytesMax else {
            api.code_free(code)
            throw ProbeError(
                .refused,
                "the regular expression is too large when it is compiled: \(size) bytes"
            )
        }
        return code
    }

    private static func message(_ code: Int32, _ api: muster_pcre2) -> String {
        let bytes = [UInt8](unsafeUninitializedCapacity: 256) { buffer, count in
            count = Int(max(0, api.get_error_message(code, buffer.baseAddress, buffer.count)))
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
