/// A large table in the shop's database: what each customer bought.
enum PurchaseHistory {
    static let customers = 20_000
    private static let rows = 2_500_000
    static let index = "purchases_customer"

    /// Statements that make and fill it, for the superuser.
    ///
    /// Made as such tables grow: the rows of one customer lie far apart, so that only the index finds them.
    static let statements = [
        "CREATE TABLE purchases (id bigserial PRIMARY KEY, customer int NOT NULL, cents int NOT NULL)",
        "INSERT INTO purchases (customer, cents) SELECT n % \(customers) + 1, n % 9000 + 100 "
            + "FROM generate_series(1, \(rows)) AS n",
        "CREATE INDEX \(index) ON purchases (customer)", "ANALYZE purchases",
        "GRANT SELECT ON purchases TO shop",
    ]
}
