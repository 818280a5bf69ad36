extension DrillError {
    /// Exit code of the command: those of `sysexits.h` where one fits.
    package var exitCode: Int32 {
        switch code {
        case .usage: 64
        case .missing: 69
        case .interrupted: 130
        case .process, .network, .database, .file, .timeout: 1
        }
    }
}
