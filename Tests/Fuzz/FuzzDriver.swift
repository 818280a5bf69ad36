import Glibc

// The program that Tests/Fuzz/run builds: libFuzzer around one target.

@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ count: UnsafeMutablePointer<Int32>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
    _ callback: @convention(c) (UnsafePointer<UInt8>?, Int) -> Int32
) -> Int32

private nonisolated(unsafe) var target: FuzzTarget?  // Set once, before the fuzzer starts its only thread.

/// Runs the fuzzer on the target that `MUSTER_FUZZ_TARGET` names, or lists the targets.
///
/// By environment, because the fuzzer starts itself anew for each of several jobs, with its own arguments.
@_cdecl("muster_fuzz_main")
public func musterFuzzMain(
    _ count: Int32,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
) -> Int32 {
    let name = getenv("MUSTER_FUZZ_TARGET").map { String(cString: $0) } ?? ""
    guard let found = FuzzTarget.all.first(where: { $0.name == name }) else {
        for target in FuzzTarget.all { print(target.name) }
        return name.isEmpty ? 0 : 64
    }
    target = found
    var count = count
    var pointer: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = arguments
    return runDriver(&count, &pointer) { bytes, size in
        target?.run(Array(UnsafeBufferPointer(start: bytes, count: size)))
        return 0
    }
}
