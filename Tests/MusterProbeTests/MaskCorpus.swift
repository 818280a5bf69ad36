import MusterTesting

/// Lines with secrets, made from generators, and lines without that look as if they had some.
///
/// Every secret is random and of the form that its issuer documents; what stands around it is how configuration files,
/// logs, command lines and headers carry it.
struct MaskCorpus {
    struct Case {
        let kind: String
        let text: String
        /// None of these may be left.
        let secrets: [String]
    }

    private var random: SplitMix64

    init(seed: UInt64) { random = SplitMix64(seed: seed) }

    // MARK: Lines with secrets

    mutating func secretCases(rounds: Int) -> [Case] {
        var cases: [Case] = []
        for _ in 0..<rounds {
            passwords(&cases)
            connections(&cases)
            headers(&cases)
            keys(&cases)
            tokens(&cases)
            personal(&cases)
        }
        return cases
    }

    private mutating func passwords(_ cases: inout [Case]) {
        let name = pick([
            "password", "passwd", "db_password", "DB_PASSWORD", "dbPassword", "smtp_pass", "SMTP_PASS",
            "client_secret",
            "clientSecret", "secret_key", "SECRET_KEY_BASE", "api_key", "apiKey", "API_KEY", "x-api-key",
            "access_token",
            "accessToken", "REFRESH_TOKEN", "spring.datasource.password", "auth_token",
            "private_key_passphrase",
            "MYSQL_ROOT_PASSWORD", "encryption_key", "session_token", "jwt_secret", "webhook_secret",
            "admin_pwd",
        ])
        let plain = pick([
            word(12), made(20), made(32), hex(40), base64(32), words(2, "-"), "p@ss:" + made(8),
        ])
        let odd = pick([
            made(6) + "!" + made(4), made(5) + "#$" + made(3), word(6) + "%" + made(4),
            "Tr0ub4dor&" + made(4),
        ])
        let either = chance(0.8) ? plain : odd
        let contexts: [(String, String)] = [
            ("ini", "\(name)=\(either)"), ("ini, blanks", "\(name) = \(either)"),
            ("yaml", "  \(name): \(either)"),
            ("yaml, quotes", "\(name): \"\(odd)\""),
            ("json", "{\"user\":\"ana\",\"\(name)\":\"\(odd)\",\"n\":3}"),
            ("json, blanks", "{ \"\(name)\" : \"\(either)\" }"), ("export", "export \(name)='\(odd)'"),
            ("logfmt", "level=info msg=start \(name)=\(plain) user=ana"),
            ("query", "GET /cb?state=1&\(name)=\(plain)&b=2"),
            ("option", "tool --\(name) \(plain) --verbose"),
            ("option =", "tool --\(name)=\(plain) --verbose"),
            ("python", "connecting with {'user': 'ana', '\(name)': '\(plain)'}"),
            ("ruby", ":\(name) => '\(plain)',"),
            ("java", "Config(user=ana, \(name)=\(plain), retries=3)"), ("xml", "<\(name)>\(plain)</\(name)>"),
            ("escaped", "payload=\"{\\\"\(name)\\\":\\\"\(plain)\\\"}\""),
            ("compose", "      - \(name)=\(plain)"),
            ("list", "{\"name\": \"\(name)\", \"value\": \"\(plain)\"}"),
            ("unit", "Environment=\"\(name)=\(plain)\""), ("php", "define('\(name)', '\(plain)');"),
            ("go", "\(name):=\"\(plain)\""), ("toml", "\(name) = \"\(odd)\" # of the shop"),
        ]
        let context = pick(contexts)
        let secret = context.1.contains(odd) ? odd : context.1.contains(either) ? either : plain
        cases.append(Case(kind: context.0, text: context.1, secrets: [secret]))
        let password = made(12)
        let line = pick([
            ("sql", "ALTER USER ana WITH PASSWORD '\(password)'"),
            ("sql", "CREATE USER a IDENTIFIED BY '\(password)'"),
            ("redis", "requirepass \(password)"), ("mysql -p", "mysqldump -u root -p\(password) shop"),
            ("curl -u", "curl -u ana:\(password) https://x.example.org/"),
            ("sshpass", "sshpass -p \(password) ssh a@b"),
            ("netrc", "machine db login ana password \(password)"), ("env", "setenv DB_PASSWORD \(password)"),
            ("redis -a", "redis-cli -h cache -a \(password) info"),
            ("nginx", "fastcgi_param DB_PASSWORD \(password);"),
            ("docker", "docker run -e DB_PASSWORD=\(password) shop"),
            ("Dockerfile", "ENV DB_PASSWORD \(password)"),
        ])
        cases.append(Case(kind: line.0, text: line.1, secrets: [password]))
        let hash = pick(["$6$\(made(8))$\(made(86))", "$2b$12$\(made(53))", "$y$j9T$\(made(22))$\(made(43))"])
        cases.append(Case(kind: "crypt", text: "ana:\(hash):19000:0:99999:7:::", secrets: [hash]))
    }

    private mutating func connections(_ cases: inout [Case]) {
        let password = pick([
            made(12), word(10), made(8) + "!" + made(4), made(6) + "%40" + made(4), made(8) + "/" + made(4),
        ])
        let simple = made(14)
        let scheme = pick([
            "postgres", "postgresql", "mysql", "mongodb+srv", "redis", "amqp", "https", "ftp", "ldap",
        ])
        let line = pick([
            ("url", "connecting to \(scheme)://ana:\(password)@db.example.org:5432/shop?x=1", password),
            ("url", "DATABASE_URL=\(scheme)://ana:\(password)@10.0.0.5/shop", password),
            ("url", "{\"dsn\":\"\(scheme)://ana:\(password)@db/shop\"}", password),
            ("url, no user", "redis://:\(simple)@cache:6379/0", simple),
            ("libpq", "host=db user=ana password=\(simple) dbname=shop", simple),
            ("libpq", "could not connect: \"host=db password='\(simple)' user=ana\"", simple),
            ("ado", "Server=db;Database=shop;User Id=ana;Password=\(simple);Encrypt=true", simple),
            ("odbc", "DRIVER={PostgreSQL};SERVER=db;UID=ana;PWD=\(simple);", simple),
            ("go dsn", "ana:\(simple)@tcp(db:3306)/shop?parseTime=true", simple),
            ("jdbc", "jdbc:mysql://db/shop?user=ana&password=\(simple)&useSSL=true", simple),
            ("oracle", "jdbc:oracle:thin:ana/\(simple)@//db:1521/shop", simple),
            (
                "azure",
                "DefaultEndpointsProtocol=https;AccountName=shop;AccountKey=\(base64(86))==;EndpointSuffix=x",
                ""
            ),
            ("git", "fetch https://x-access-token:\(simple)@git.example.org/shop.git", simple),
        ])
        let secret = line.2.isEmpty ? String(line.1.split(separator: "AccountKey=")[1].prefix(60)) : line.2
        cases.append(Case(kind: line.0, text: line.1, secrets: [secret]))
    }

    private mutating func headers(_ cases: inout [Case]) {
        let token = pick([made(40), base64(48), hex(32), jwt()])
        let basic = base64(24)
        let line = pick([
            ("bearer", "Authorization: Bearer \(token)", token),
            ("bearer", "curl -H 'Authorization: Bearer \(token)' https://x", token),
            ("bearer", "\"authorization\":\"Bearer \(token)\",\"host\":\"a\"", token),
            ("bearer", "req headers={authorization=[Bearer \(token)]}", token),
            ("bearer", "sent bearer \(token) to a", token),
            ("basic", "Authorization: Basic \(basic)", basic),
            ("basic", "proxy-authorization: Basic \(basic)", basic),
            ("cookie", "Cookie: theme=dark; session=\(token)", token),
            ("cookie", "Set-Cookie: sid=\(token); HttpOnly", token),
            ("header", "X-Api-Key: \(token)", token), ("header", "> X-Auth-Token: \(token)", token),
            ("header", "PRIVATE-TOKEN: \(token)", token),
            ("token scheme", "Authorization: token \(token)", token),
            ("session", "login ok session=\(token) user=ana", token),
            ("aws", "&X-Amz-Signature=\(token)&x=1", token),
        ])
        cases.append(Case(kind: line.0, text: line.1, secrets: [line.2]))
        let web = jwt()
        cases.append(
            Case(
                kind: "jwt",
                text: pick(["user ana presented \(web)", "t=\(web)&x=1", "[\(web)]"]),
                secrets: [web]
            )
        )
    }

    private mutating func keys(_ cases: inout [Case]) {
        let label = pick([
            "RSA PRIVATE KEY", "PRIVATE KEY", "EC PRIVATE KEY", "OPENSSH PRIVATE KEY",
            "ENCRYPTED PRIVATE KEY",
        ])
        let lines = (0..<6).map { _ in base64(64) }
        let pem = "-----BEGIN \(label)-----\n" + lines.joined(separator: "\n") + "\n-----END \(label)-----\n"
        let flat = pem.split(separator: "\n").joined(separator: "\\n")
        let indented =
            "  tls.key: |\n" + pem.split(separator: "\n").map { "    \($0)" }.joined(separator: "\n")
        let text = pick([
            pem, "a = 1\n" + pem + "b = 2\n", "{\"private_key\":\"\(flat)\"}", "{\"k\":\"\(flat)\"}",
            indented,
        ])
        cases.append(Case(kind: "private key", text: text, secrets: lines))
    }

    private mutating func tokens(_ cases: inout [Case]) {
        let token = pick([
            "AKIA" + upper(16), "ASIA" + upper(16), "ghp_" + made(36), "gho_" + made(36),
            "github_pat_" + made(82),
            "glpat-" + made(20), "xoxb-\(digits(12))-\(digits(12))-" + made(24),
            "xoxp-\(digits(12))-" + made(30),
            "sk_live_" + made(24), "rk_live_" + made(24), "whsec_" + made(32), "sk-proj-" + made(48),
            "hf_" + made(34),
            "AIza" + made(35), "ya29." + made(60), "GOCSPX-" + made(28), "npm_" + made(36),
            "pypi-AgEIcHlwaS5vcmc" + made(60),
            "dckr_pat_" + made(27), "dop_v1_" + hex(64), "hvs." + made(90), "glsa_" + made(32) + "_" + hex(8),
            "shpat_" + hex(32), "SG." + made(22) + "." + made(43), "dapi" + hex(32), "tskey-auth-" + made(30),
        ])
        let text = pick([
            "using \(token)", "key \(token) was refused", "[\(token)]", "{\"v\":\"\(token)\"}", "v=\(token)",
            "'\(token)'",
            "git clone https://\(token)@github.com/a/b", "echo \(token) | login", "x: \(token), y: 2",
            "\(token)",
        ])
        cases.append(Case(kind: "token", text: text, secrets: [token]))
        let aws = base64(40)
        let second = pick([
            ("aws secret", "aws_secret_access_key = \(aws)", aws),
            ("aws secret", "AWS_SECRET_ACCESS_KEY=\(aws)", aws),
            ("aws secret", "{\"SecretAccessKey\": \"\(aws)\"}", aws),
            (
                "slack hook",
                "POST https://hooks.slack.com/services/T\(upper(8))/B\(upper(8))/\(aws.prefix(24))",
                String(aws.prefix(24))
            ),
            ("telegram", "https://api.telegram.org/bot\(digits(9)):AA\(made(33))/send", ""),
        ])
        let secret = second.2.isEmpty ? String(second.1.split(separator: ":AA")[1].prefix(30)) : second.2
        cases.append(Case(kind: second.0, text: second.1, secrets: [secret]))
    }

    private mutating func personal(_ cases: inout [Case]) {
        let mail =
            word(6) + pick([".", "_", "+", ""]) + word(5) + "@" + word(7)
            + pick([".org", ".co.uk", ".com", ".io"])
        let text = pick([
            "mail to \(mail) now", "from=<\(mail)>, size=3", "{\"email\":\"\(mail)\"}",
            "user=\(mail) ip=10.0.0.1",
            "GET /u?m=\(mail.split(separator: "@").joined(separator: "%40")) 200", "\(mail): over quota",
            "mailto:\(mail)",
        ])
        cases.append(
            Case(
                kind: "e-mail",
                text: text,
                secrets: [mail, mail.split(separator: "@").joined(separator: "%40")]
            )
        )
        let issuer = pick([
            ("4", 16), ("51", 16), ("55", 16), ("2223", 16), ("34", 15), ("37", 15), ("6011", 16), ("36", 14),
        ])
        let card = card(prefix: issuer.0, length: issuer.1)
        let shown = issuer.1 == 16 && chance(0.5) ? grouped(card, by: chance(0.5) ? " " : "-") : card
        let line = pick([
            "card \(shown) used", "pan=\(shown)", "{\"card\":\"\(shown)\"}",
            "charge failed for \(shown), code 51",
        ])
        cases.append(Case(kind: "card", text: line, secrets: [shown]))
    }

    // MARK: Lines without

    mutating func benignLines(rounds: Int) -> [String] {
        (0..<rounds).flatMap { _ in lookAlikes() }
    }

    private mutating func lookAlikes() -> [String] {
        let id = "\(hex(8))-\(hex(4))-4\(hex(3))-a\(hex(3))-\(hex(12))"
        return [
            "commit \(hex(40)) by ana: tokens are counted", "HEAD is now at \(hex(7)) fix the password form",
            "request_id=\(id) trace=\(hex(32)) span=\(hex(16)) status=200", "x-request-id: \(id)",
            "traceparent: 00-\(hex(32))-\(hex(16))-01",
            "sha256:\(hex(64)) pulled", "image registry.example.org/shop/api@sha256:\(hex(64))",
            "etag: W/\"\(hex(16))\"",
            "listening on [2001:db8:\(hex(4)):\(hex(4))::\(hex(2))]:8443",
            "fe80::\(hex(4)):\(hex(4)):\(hex(4)):\(hex(4)) joined",
            "open /usr/lib/x86_64-linux-gnu/lib\(word(6)).so.\(digits(1)) for /var/lib/\(word(5))/\(hex(12))/overlay2",
            "org.\(word(6)).security.TokenServiceImpl$$EnhancerBySpringCGLIB$$\(hex(8)) started",
            "at com.example.auth.PasswordEncoderFactory.create(PasswordEncoderFactory.java:\(digits(2)))",
            "pod shop-api-\(hex(10))-\(word(5)) scheduled on node-\(digits(2))",
            "order \(digits(16).replacingFirst("9")) shipped",
            "offset=\(digits(14).replacingFirst("1")) partition=3", "took 0.\(digits(16))s",
            "at 17954\(digits(14)) ns",
            "keyspace shop: keys=\(digits(5)),expires=12", "key=\(word(8)) evicted from cache",
            "primary key violated on orders_pkey",
            "password authentication failed for user \"ana\"",
            "Failed password for root from 10.0.0.\(digits(2)) port 4\(digits(4)) ssh2",
            "token expired at 2026-11-25T02:03:04Z", "session opened for user root by (uid=0)",
            "Invalid token: unexpected end",
            "max_tokens=4096 temperature=0.2", "secrets manager answered in 3 ms",
            "password_file: /etc/shop/db.password",
            "ssl_certificate_key /etc/nginx/ssl/shop.key;", "auth_basic \"restricted area\";",
            "passwordless login enabled",
            "user@1000.service: Succeeded.", "cp icon@2x.png out/", "git@github.com:example/shop.git",
            "@app.route('/login')",
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI\(base64(43)) ana", "-----BEGIN CERTIFICATE-----",
            "ClassLoader loaded \(word(8)).\(word(6)).\(made(3))AbstractSingletonProxyFactoryBean",
            "basic setup of \(word(7)) done",
            "cookie policy accepted", "GET /static/app.\(hex(20)).js 304", "bearer of bad news",
            "signature verified for \(word(6))",
            "volume pvc-\(id) bound", "PWD=/srv/\(word(6))", "the credentials of \(word(5)) were refused",
            "passed 12 of 12 checks",
            "Serial: \(hex(2)):\(hex(2)):\(hex(2)):\(hex(2)):\(hex(2)):\(hex(2))",
            "mac \(hex(2)):\(hex(2)):\(hex(2)):\(hex(2)):\(hex(2)):\(hex(2)) up",
            "password: ${DB_PASSWORD}", "token: {{ .Values.token }}", "monkey=banana", "compass=north",
            "author=sarah", "design=flat",
        ]
    }

    // MARK: Random parts

    private mutating func pick<Element>(_ list: [Element]) -> Element {
        list[Int(random.next() % UInt64(list.count))]
    }
    private mutating func chance(_ ratio: Double) -> Bool { random.unit() < ratio }

    private mutating func text(_ count: Int, of signs: String) -> String {
        let signs = Array(signs)
        return String((0..<count).map { _ in pick(signs) })
    }

    private static let lower = "abcdefghijklmnopqrstuvwxyz"
    private mutating func word(_ count: Int) -> String { text(count, of: Self.lower) }
    private mutating func words(_ count: Int, _ sign: String) -> String {
        (0..<(count + 1)).map { _ in word(5) }.joined(separator: sign)
    }
    private mutating func digits(_ count: Int) -> String { text(count, of: "0123456789") }
    private mutating func hex(_ count: Int) -> String { text(count, of: "0123456789abcdef") }
    private mutating func upper(_ count: Int) -> String {
        text(count, of: "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
    }
    /// Letters and digits, of each kind at least one.
    private mutating func made(_ count: Int) -> String {
        let all = Self.lower + Self.lower.uppercased() + "0123456789"
        return count < 4
            ? text(count, of: all) : text(count - 3, of: all) + word(1) + word(1).uppercased() + digits(1)
    }
    private mutating func base64(_ count: Int) -> String {
        text(count - 4, of: Self.lower + "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/") + made(4)
    }
    private mutating func jwt() -> String { "eyJ\(made(33)).eyJ\(made(60)).\(made(43))" }

    private mutating func card(prefix: String, length: Int) -> String {
        var numbers = (prefix + digits(length - prefix.count - 1)).utf8.map { Int($0) - 48 } + [0]
        let sum = numbers.reversed().enumerated().reduce(0) { sum, next in
            let doubled = next.element * 2
            return sum + (next.offset % 2 == 0 ? next.element : doubled > 9 ? doubled - 9 : doubled)
        }
        numbers[length - 1] = (10 - sum % 10) % 10
        return numbers.map(String.init).joined()
    }

    private func grouped(_ digits: String, by sign: String) -> String {
        stride(from: 0, to: 16, by: 4).map { digits.dropFirst($0).prefix(4) }.joined(separator: sign)
    }
}

extension String {
    /// With another first letter.
    fileprivate func replacingFirst(_ text: String) -> String { text + dropFirst() }
}
