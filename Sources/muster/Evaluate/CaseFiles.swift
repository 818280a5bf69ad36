/// Tables of a recorded incident, and the fault-free ones that it names.
///
/// Each is nil when there is no such file: a case has what its system recorded.
struct CaseFiles {
    private let folder: String
    private let references: String
    private let referenceName: String?

    init(folder: String, references: String, info: CaseInfo) {
        self.folder = folder
        self.references = references
        referenceName = info.reference
    }

    /// Of the incident itself: `metrics`, for example.
    func table(_ kind: String) throws(CLIError) -> CSVTable? {
        try CSVTable("\(folder)/\(kind).csv.gz")
    }

    /// The same of a healthy time.
    func reference(_ kind: String) throws(CLIError) -> CSVTable? {
        guard let referenceName else { return nil }
        return try CSVTable("\(references)/\(referenceName).\(kind).csv.gz")
    }
}
