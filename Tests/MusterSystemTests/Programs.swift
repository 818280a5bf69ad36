import Glibc
import MusterTesting

/// The programs that were built together with the tests.
enum Programs {
    static func path(_ name: String) throws -> String {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let size = buffer.count
        let count = buffer.withUnsafeMutableBufferPointer { bytes in
            bytes.withMemoryRebound(to: CChar.self) { chars in
                chars.baseAddress.map { readlink("/proc/self/exe", $0, size) } ?? -1
            }
        }
        guard count > 0 else { throw SetupFailure("/proc/self/exe can't be read") }
        // With some toolchains the tests run inside a helper program: then the build folder is the usual one.
        let own = String(decoding: buffer[..<count], as: UTF8.self)
        let folder = own.split(separator: "/").dropLast().joined(separator: "/")
        for candidate in ["/\(folder)/\(name)", ".build/debug/\(name)"] where access(candidate, X_OK) == 0 {
            return candidate
        }
        throw SetupFailure("\(name) is not built; run: swift build --product \(name)")
    }

    /// A program of the distribution; nil when it is not installed.
    static func installed(_ name: String) -> Bool {
        ["/usr/bin", "/usr/sbin", "/bin"].contains { access("\($0)/\(name)", X_OK) == 0 }
    }

    /// Runs a program to its end; throws with its output unless it ends with 0.
    @discardableResult
    static func run(_ arguments: [String], in directory: TemporaryDirectory) throws -> String {
        let child = try ChildProcess(arguments, in: directory)
        let status = try child.waitForExit()
        guard status == 0 else {
            throw SetupFailure("\(arguments.joined(separator: " ")) ended with \(status):\n\(child.output)")
        }
        return child.output
    }
}
