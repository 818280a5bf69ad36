/// Kinds of trouble, with the words in which symptoms and code speak of them.
///
/// General vocabulary of the trade: names of no product's own things. Words are stems, see ``ChangeWords/stem(_:)``.
struct SymptomKind {
    let name: String
    let symptom: Set<String>
    let change: Set<String>

    private init(_ name: String, symptom: String, change: String) {
        self.name = name
        self.symptom = ChangeWords.stems(symptom)
        self.change = ChangeWords.stems(change)
    }

    static let all: [SymptomKind] = [
        SymptomKind(
            "deadlines",
            symptom: "timeout timeouts timedout deadline deadlineexceeded canceled cancelled cancel",
            change: "timeout timeouts deadline cancel budget"
        ),
        SymptomKind(
            "pools",
            symptom: "pool exhausted acquire connections conns saturation checkout borrow",
            change: "pool conns connections maxconns maxopen acquire"
        ),
        SymptomKind(
            "retries",
            symptom: "retry retries attempts backoff storm contention conflict",
            change: "retry retries attempts backoff budget jitter sleep"
        ),
        SymptomKind(
            "caches",
            symptom: "cache miss misses hit hits ttl stampede evict evictions stale",
            change: "cache ttl expire expiry expiration maxage evict eviction jitter singleflight memoize"
        ),
        SymptomKind(
            "memory",
            symptom: "memory heap oom oomkilled outofmemory rss gc allocation resident",
            change: "memory heap buffer append retain xmx alloc unbounded evict"
        ),
        SymptomKind(
            "processor time",
            symptom: "cpu throttled throttling saturation load",
            change: "cpu regex loop parallel workers hash compress sort"
        ),
        SymptomKind(
            "queries",
            symptom: "query queries sql slow rows scan statement select db database index",
            change: "query sql select limit index where join order preload rows scan fetch batch"
        ),
        SymptomKind(
            "schemas",
            symptom: "relation column table exist migration schema constraint undefined unknown",
            change: "migration alter create drop column table select insert schema"
        ),
        SymptomKind(
            "missing values",
            symptom: """
                nil null pointer dereference panic sigsegv segfault nullpointerexception nonetype undefined unwrap \
                bounds range keyerror typeerror
                """,
            change: "nil null none optional pointer undefined unwrap guard"
        ),
        SymptomKind(
            "dependencies",
            symptom: """
                version incompatible duplicate registration symbol module import classnotfound nosuchmethod startup \
                crashloopbackoff crash loader
                """,
            change: "version require dependency dependencies upgrade bump"
        ),
        SymptomKind(
            "TLS",
            symptom: "tls ssl x509 certificate handshake cert",
            change: "tls ssl cert certificate ca cipher minversion verify"
        ),
        SymptomKind(
            "access",
            symptom:
                "unauthorized forbidden permission denied unauthenticated token jwt credential signature 401 403",
            change:
                "auth token jwt role permission secret credential iam policy scope audience issuer signature"
        ),
        SymptomKind(
            "rate limits",
            symptom: "429 throttle throttled quota limit limited ratelimit",
            change: "rate limit limiter throttle quota burst concurrency rps"
        ),
        SymptomKind(
            "names of hosts",
            symptom: "dns resolve resolution nxdomain lookup host",
            change: "dns host url endpoint domain resolver ndots hostname"
        ),
        SymptomKind(
            "connections",
            symptom: "refused reset unreachable eof broken pipe",
            change: "port listen bind keepalive address idle endpoint host"
        ),
        SymptomKind(
            "locks",
            symptom: "lock deadlock contention mutex blocked serialization waiting conflict",
            change: "lock mutex synchronized transaction isolation exclusive alter migration"
        ),
        SymptomKind(
            "queues",
            symptom: "lag backlog queue consumer offset rebalance partition depth",
            change: "consumer batch poll partition concurrency workers prefetch ack commit queue"
        ),
        SymptomKind(
            "formats",
            symptom: "unmarshal decode parse invalid malformed deserialize unexpected encoding serialization",
            change: "unmarshal decode encode tag field parse format enum proto rename schema"
        ),
        SymptomKind(
            "disks",
            symptom: "disk space inode enospc full filesystem volume",
            change: "retention rotate cleanup tmp disk volume debug"
        ),
        SymptomKind(
            "open files",
            symptom: "descriptor emfile fd sockets",
            change: "close open file socket defer"
        ),
        SymptomKind(
            "threads",
            symptom: "goroutine goroutines thread threads executor rejected starvation",
            change: "goroutine thread executor async spawn workers blocking"
        ),
        SymptomKind(
            "clocks",
            symptom: "clock timezone skew utc timestamp",
            change: "timezone utc clock location timestamp"
        ),
        SymptomKind(
            "amounts",
            symptom: "mismatch incorrect rounding currency amount",
            change: "round price amount total currency tax discount rate"
        ),
    ]

    /// Settings that bound something: smaller is tighter.
    static let bounds = ChangeWords.stems(
        """
        timeout deadline pool conns connections max limit size ttl replicas quota budget memory backoff threads \
        workers capacity retention burst heap expiry expiration interval lease buffer cpu limits cooldown keepalive \
        maxage window delay wait rps qps rate permits slots cap
        """
    )

    /// Settings that make more work when they are larger.
    static let loads = ChangeWords.stems(
        "batch concurrency parallelism parallel retry retries attempts fanout workers page prefetch records poll fetch min"
    )

    /// What keeps a system safe, when it is taken out.
    static let safeguards = [
        "limit", "where", "timeout", "deadline", "close", "unlock", "cancel", "guard", "index", "jitter",
        "singleflight", "backoff", "batch", "cache", "validate", "check", "lock", "ratelimit", "defer",
        "recover",
        "retry", "paginate", "page", "sleep", "release", "semaphore", "mutex", "commit", "rollback", "ack",
        "flush",
        "expire", "ttl", "evict", "max", "bound",
    ].map { (word: $0, stem: ChangeWords.stem($0)) }
}
