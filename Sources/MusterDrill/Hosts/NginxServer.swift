import Glibc
import MusterCore

/// A real nginx on a pretended host: what others depend on, or what stands before them.
struct NginxServer {
    /// Where Debian puts it.
    private static let program = "/usr/sbin/nginx"

    let host: DemoHost
    let port: Int
    private let certificate: ServerCertificate?

    /// `certificate` makes it speak TLS.
    init(on host: DemoHost, port wanted: Int, certificate: ServerCertificate? = nil) throws(DrillError) {
        guard Files.isExecutable(Self.program) else {
            throw DrillError(.missing, "nginx is not installed; try: apt-get install nginx-light")
        }
        self.host = host
        self.certificate = certificate
        port = host.network.room == nil ? try FreePort.find(on: host.network.address) : wanted
    }

    var accessLog: String { "\(host.folder)/logs/nginx-access.log" }
    var errorLog: String { "\(host.folder)/logs/nginx-error.log" }
    var url: String { "\(certificate == nil ? "http" : "https")://\(host.network.address):\(port)" }

    /// Starts it with what `location` blocks it serves, and waits until it takes connections.
    @discardableResult
    func start(_ locations: String, before: String = "", on stage: Stage) throws -> ChildProcess {
        let folder = "\(host.folder)/nginx"
        try Files.makeFolder(folder)
        let tls = certificate.map { "ssl_certificate \($0.file); ssl_certificate_key \($0.key);" } ?? ""
        try Files.write(
            """
            worker_processes 2;
            daemon off;
            \(geteuid() == 0 ? "user root;" : "")
            pid \(folder)/nginx.pid;
            error_log \(errorLog);
            events { worker_connections 512; }
            http {
                access_log \(accessLog);
                client_body_temp_path \(folder)/body;
                proxy_temp_path \(folder)/proxy;
                fastcgi_temp_path \(folder)/fastcgi;
                uwsgi_temp_path \(folder)/uwsgi;
                scgi_temp_path \(folder)/scgi;
                \(before)
                server {
                    listen \(host.network.address):\(port)\(certificate == nil ? "" : " ssl");
                    \(tls)
                    \(locations)
                }
            }

            """,
            to: "\(folder)/nginx.conf"
        )
        let child = try stage.start(
            "nginx",
            [Self.program, "-p", folder, "-c", "\(folder)/nginx.conf", "-e", errorLog],
            on: host.name
        )
        try Interruption.wait(upTo: .seconds(20), for: "nginx on \(host.name); see \(errorLog)") {
            guard child.isRunning else {
                throw DrillError(.process, "nginx on \(host.name) ended; see \(errorLog)")
            }
            return Files.exists("\(folder)/nginx.pid")
        }
        return child
    }

    /// What the agent of its host looks at.
    func observation(service: String) -> HostObservation {
        HostObservation(
            services: [service],
            logs: [accessLog, errorLog].map { HostObservation.File(path: $0, service: service) }
        )
    }
}

/// A certificate that ends soon, made by openssl for one address.
struct ServerCertificate {
    let file: String
    let key: String
    let expires: Timestamp

    private static let openssl = "/usr/bin/openssl"
    private static let faketime = "/usr/bin/faketime"

    /// Makes it in `folder`; it is its own authority.
    ///
    /// openssl counts in whole days, so it is made as if a day, less its life, had passed already.
    init(in folder: String, address: String, life: Duration) throws(DrillError) {
        for program in [Self.openssl, Self.faketime] where !Files.isExecutable(program) {
            throw DrillError(.missing, "\(program) is not installed; try: apt-get install openssl faketime")
        }
        file = "\(folder)/server.pem"
        key = "\(folder)/server.key"
        expires = WallClock.now() + life
        try Command(
            program: Self.faketime,
            arguments: [
                "-f", "-\(86_400 - Int(life.inSeconds))s", Self.openssl, "req", "-x509", "-newkey", "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", file, "-days", "1", "-subj",
                "/CN=payments", "-addext", "subjectAltName=IP:\(address)",
            ]
        ).succeed()
    }
}
