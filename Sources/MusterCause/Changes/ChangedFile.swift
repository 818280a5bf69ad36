/// What kind of thing a file is, by its path alone.
enum ChangedFile: String {
    case code
    case configuration
    case dependencies
    case documentation
    case test
    case build
    case style
    /// Of a staging or development environment.
    case elsewhere

    /// Never runs in production.
    var isInert: Bool { [.documentation, .test, .build, .style].contains(self) }

    init(path: String) {
        let lower = path.lowercased()
        let parts = lower.split(separator: "/").map(String.init)
        let base = parts.last ?? ""
        let folders = Set(parts.dropLast())
        let name = base.lastIndex(of: ".").map { String(base[..<$0]) } ?? base
        func ends(_ endings: [String]) -> Bool { endings.contains { base.hasSuffix($0) } }
        if Self.dependencyFiles.contains(base) {
            self = .dependencies
        } else if ends([".md", ".rst", ".txt", ".adoc"]) && !folders.contains("prompts")
            || !folders.isDisjoint(with: ["docs", "documentation", "doc"])
            || ["license", "codeowners", "changelog", "notice"].contains(base)
        {
            self = .documentation
        } else if ["_test", ".test", ".spec", "_spec", "-test"].contains(where: { name.hasSuffix($0) })
            || name.hasPrefix("test_")
            || !folders.isDisjoint(with: [
                "test", "tests", "testdata", "__tests__", "fixtures", "spec", "e2e",
            ])
        {
            self = .test
        } else if [".github", ".circleci", ".gitlab", "ci", ".buildkite"].contains(parts.first ?? "")
            || Self.buildFiles.contains(base)
        {
            self = .build
        } else if ends([".css", ".scss", ".less", ".svg", ".png", ".jpg", ".ico"]) {
            self = .style
        } else if !folders.isDisjoint(with: ["staging", "stage", "dev", "sandbox", "local", "qa"]) {
            self = .elsewhere
        } else if ends([
            ".yaml", ".yml", ".toml", ".ini", ".conf", ".properties", ".env", ".json", ".tf", ".cfg", ".xml",
        ]) {
            self = .configuration
        } else {
            self = .code
        }
    }

    private static let dependencyFiles: Set<String> = [
        "go.mod", "go.sum", "package.json", "package-lock.json", "yarn.lock", "pnpm-lock.yaml",
        "requirements.txt",
        "constraints.txt", "pom.xml", "build.gradle", "cargo.toml", "cargo.lock", "gemfile", "gemfile.lock",
        "poetry.lock", "pyproject.toml", "package.resolved", "dockerfile",
    ]

    private static let buildFiles: Set<String> = [
        ".gitlab-ci.yml", "jenkinsfile", ".golangci.yml", ".eslintrc", ".editorconfig", ".gitignore",
        ".pre-commit-config.yaml",
    ]
}
