// Command sourcebench measures what reading through a source costs beside the
// same driver scanned by hand into []any and beside sqlx's MapScan: 10,000 rows
// of 8 mixed columns from PostgreSQL, MariaDB, ClickHouse and SQLite, medians of
// one run. It
// also walks a million rows page by page and measures memory. It compares the
// values before it measures, and exits with 1 when a stated ratio is missed.
package main

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/jmoiron/sqlx"
	"github.com/shopspring/decimal"
	_ "modernc.org/sqlite"

	"github.com/datapush-go/datapush/internal/integration/server"
	"github.com/datapush-go/datapush/source"
	clickhousesource "github.com/datapush-go/datapush/source/clickhouse"
	mysqlsource "github.com/datapush-go/datapush/source/mysql"
	"github.com/datapush-go/datapush/source/postgres"
	"github.com/datapush-go/datapush/source/sqlite"
)

const (
	rows   = 10_000
	rounds = 51

	maxTime   = 1.15
	maxAllocs = 1.2
	maxMemory = 64 << 20
)

// system is a database with the three ways to read it.
type system struct {
	name    string
	query   string
	ours    source.Source
	byHand  func() ([][]any, error)
	mapScan func() error
	faster  float64 // than MapScan, at least
}

func main() {
	missed, err := run()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	if missed {
		os.Exit(1)
	}
}

func run() (missed bool, err error) {
	dir, err := os.MkdirTemp("", "sourcebench-")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(dir)
	pg, err := server.PostgreSQL()
	if err != nil {
		return false, err
	}
	defer pg.Close()
	maria, err := server.MariaDB()
	if err != nil {
		return false, err
	}
	defer maria.Close()

	click, err := server.NewClickHouse()
	if err != nil {
		return false, err
	}
	defer click.Close()

	postgreSQL, err := openPostgres(pg)
	if err != nil {
		return false, err
	}
	mariaDB, err := openMariaDB(maria)
	if err != nil {
		return false, err
	}
	clickHouse, err := openClickHouse(click, "clickhouse")
	if err != nil {
		return false, err
	}
	clickHouseHTTP, err := openClickHouse(click, "http")
	if err != nil {
		return false, err
	}
	lite, err := openSQLite(filepath.Join(dir, "bench.db"))
	if err != nil {
		return false, err
	}
	for _, s := range []*system{postgreSQL, mariaDB, clickHouse, clickHouseHTTP, lite} {
		bad, err := s.measure()
		if err != nil {
			return false, fmt.Errorf("%s: %w", s.name, err)
		}
		missed = missed || bad
	}
	bad, err := walk(lite.ours)
	return missed || bad, err
}

func (s *system) measure() (missed bool, err error) {
	ours := func() ([][]any, error) {
		r, err := s.ours.Query(context.Background(), source.Query{SQL: s.query})
		if err != nil {
			return nil, err
		}
		return r.Rows, nil
	}
	if err := compare(ours, s.byHand); err != nil {
		return false, err
	}
	ways := []func() error{
		func() error { _, err := ours(); return err },
		func() error { _, err := s.byHand(); return err },
		s.mapScan,
	}
	times := make([][]time.Duration, len(ways))
	allocs := make([][]uint64, len(ways))
	var before, after runtime.MemStats
	for round := range rounds {
		// In turn, so that what else the machine does hits all alike, and each
		// after each other, for what one leaves to the next.
		for turn := range ways {
			i := (round + turn) % len(ways)
			runtime.GC()
			runtime.ReadMemStats(&before)
			start := time.Now()
			if err := ways[i](); err != nil {
				return false, err
			}
			times[i] = append(times[i], time.Since(start))
			runtime.ReadMemStats(&after)
			allocs[i] = append(allocs[i], after.Mallocs-before.Mallocs)
		}
	}
	// Each round's times stand beside each other: what slows one slows the others.
	beside := func(a, b int) float64 {
		ratios := make([]float64, rounds)
		for r := range ratios {
			ratios[r] = float64(times[a][r]) / float64(times[b][r])
		}
		return median(ratios)
	}
	byHand, mapScan := beside(0, 1), beside(2, 0)
	t, a := make([]float64, len(ways)), make([]float64, len(ways))
	for i := range ways {
		t[i], a[i] = float64(median(times[i])), float64(median(allocs[i]))
	}
	fmt.Printf("%s: source %.2f ms, %.0f allocations; by hand %.2f ms, %.0f; MapScan %.2f ms, %.0f\n", s.name, t[0]/1e6, a[0], t[1]/1e6, a[1], t[2]/1e6, a[2])
	check := func(what string, got float64, ok bool, limit string) {
		verdict := "reached"
		if !ok {
			verdict, missed = "MISSED", true
		}
		fmt.Printf("  %s %.2f, %s: %s\n", what, got, limit, verdict)
	}
	check("time beside by hand", byHand, byHand <= maxTime, "at most 1.15")
	check("allocations beside by hand", a[0]/a[1], a[0]/a[1] <= maxAllocs, "at most 1.20")
	check("times as fast as MapScan", mapScan, mapScan > s.faster, fmt.Sprintf("above %.2f", s.faster))
	return missed, nil
}

func median[T cmp.Ordered](v []T) T {
	slices.Sort(v)
	return v[len(v)/2]
}

// compare wants the same values from both, whatever Go types carry them.
func compare(ours, byHand func() ([][]any, error)) error {
	a, err := ours()
	if err != nil {
		return err
	}
	b, err := byHand()
	if err != nil {
		return err
	}
	if len(a) != rows || len(b) != rows {
		return fmt.Errorf("%d and %d rows, want %d", len(a), len(b), rows)
	}
	for i := range a {
		for j := range a[i] {
			if x, y := text(a[i][j]), text(b[i][j]); x != y {
				return fmt.Errorf("row %d, column %d: %s and %s", i, j, x, y)
			}
		}
	}
	return nil
}

func text(v any) string {
	switch v := v.(type) {
	case nil:
		return "NULL"
	case []byte:
		if t, err := time.Parse("2006-01-02 15:04:05", string(v)); err == nil {
			return text(t)
		}
		return string(v)
	case time.Time:
		return v.UTC().Format(time.RFC3339Nano)
	case pgtype.Numeric:
		s, err := v.Value()
		if err != nil {
			return err.Error()
		}
		return s.(string)
	case decimal.Decimal:
		return v.StringFixed(-v.Exponent())
	case float32:
		return strconv.FormatFloat(float64(v), 'g', -1, 32)
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	return fmt.Sprint(v)
}

// query reads through database/sql the plain way.
func query(db *sql.DB, text string) ([][]any, error) {
	r, err := db.Query(text)
	if err != nil {
		return nil, err
	}
	return scan(r)
}

// prepared reads a statement that is prepared for it.
func prepared(db *sql.DB, text string) ([][]any, error) {
	s, err := db.Prepare(text)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	r, err := s.Query()
	if err != nil {
		return nil, err
	}
	return scan(r)
}

func scan(r *sql.Rows) ([][]any, error) {
	defer r.Close()
	columns, err := r.Columns()
	if err != nil {
		return nil, err
	}
	var out [][]any
	dest := make([]any, len(columns))
	for r.Next() {
		row := make([]any, len(columns))
		for i := range row {
			dest[i] = &row[i]
		}
		if err := r.Scan(dest...); err != nil {
			return nil, err
		}
		out = append(out, row)
	}
	return out, r.Err()
}

func mapScan(db *sql.DB, driver, query string) func() error {
	x := sqlx.NewDb(db, driver)
	return func() error {
		r, err := x.Queryx(query)
		if err != nil {
			return err
		}
		defer r.Close()
		var out []map[string]any
		for r.Next() {
			row := map[string]any{}
			if err := r.MapScan(row); err != nil {
				return err
			}
			out = append(out, row)
		}
		if len(out) != rows {
			return fmt.Errorf("MapScan read %d rows", len(out))
		}
		return r.Err()
	}
}

func openPostgres(s *server.Server) (*system, error) {
	dsn := server.PostgresDSN(s)
	ctx := context.Background()
	pool, err := pgxpool.New(ctx, dsn)
	if err != nil {
		return nil, err
	}
	if _, err := pool.Exec(ctx, `CREATE TABLE bench AS SELECT i::bigint AS id, (i % 100)::int AS n, (i * 1.25)::numeric(12,2) AS price,
		(i / 7.0)::float8 AS f, 'customer ' || i AS name, CASE WHEN i % 3 = 0 THEN NULL ELSE 'note' END AS note,
		TIMESTAMP '2024-01-02 08:00:00' + i * INTERVAL '1 second' AS at, i % 2 = 0 AS ok FROM generate_series(1, 10000) AS g(i); ALTER TABLE bench ADD PRIMARY KEY (id)`); err != nil {
		return nil, err
	}
	ours, err := postgres.Open(dsn, nil)
	if err != nil {
		return nil, err
	}
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		return nil, err
	}
	const query = "SELECT * FROM bench ORDER BY id"
	return &system{name: "PostgreSQL", query: query, ours: ours, faster: 1.5, mapScan: mapScan(db, "pgx", query),
		byHand: func() ([][]any, error) {
			r, err := pool.Query(ctx, query)
			if err != nil {
				return nil, err
			}
			return pgx.CollectRows(r, func(row pgx.CollectableRow) ([]any, error) { return row.Values() })
		}}, nil
}

func openMariaDB(s *server.Server) (*system, error) {
	dsn := server.MySQLDSN(s.Port)
	config, err := mysql.ParseDSN(dsn)
	if err != nil {
		return nil, err
	}
	config.ParseTime = true
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector)
	if _, err := db.Exec(`CREATE TABLE bench(PRIMARY KEY(id)) AS SELECT CAST(seq AS SIGNED) AS id, CAST(seq % 100 AS INT) AS n, CAST(seq * 1.25 AS DECIMAL(12,2)) AS price,
		seq / 7e0 AS f, CONCAT('customer ', seq) AS name, IF(seq % 3 = 0, NULL, 'note') AS note,
		TIMESTAMP '2024-01-02 08:00:00' + INTERVAL seq SECOND AS at, seq % 2 = 0 AS ok FROM seq_1_to_10000`); err != nil {
		return nil, err
	}
	ours, err := mysqlsource.Open(dsn, nil)
	if err != nil {
		return nil, err
	}
	const text = "SELECT * FROM bench ORDER BY id"
	// Scanned by hand it costs less prepared than as text.
	return &system{name: "MariaDB", query: text, ours: ours, faster: 1.5, mapScan: mapScan(db, "mysql", text),
		byHand: func() ([][]any, error) { return prepared(db, text) }}, nil
}

func openClickHouse(s *server.ClickHouse, scheme string) (*system, error) {
	ctx := context.Background()
	for _, statement := range []string{
		"CREATE TABLE IF NOT EXISTS bench(id Int64, n Int32, price Decimal(12, 2), f Float64, name String, note Nullable(String), at DateTime, ok Bool) ENGINE = MergeTree ORDER BY id",
		"TRUNCATE TABLE bench",
		`INSERT INTO bench SELECT number + 1 AS i, i % 100, i * toDecimal64('1.25', 2), i / 7, concat('customer ', toString(i)), if(i % 3 = 0, NULL, 'note'),
			toDateTime('2024-01-02 08:00:00') + i, i % 2 = 0 FROM numbers(10000)`,
	} {
		if _, err := s.Do(ctx, statement); err != nil {
			return nil, err
		}
	}
	ours, err := clickhousesource.Open(s.DSN(scheme), nil)
	if err != nil {
		return nil, err
	}
	opts, err := clickhouse.ParseDSN(s.DSN(scheme))
	if err != nil {
		return nil, err
	}
	// The driver's own interface costs less than its database/sql one.
	native, err := clickhouse.Open(opts)
	if err != nil {
		return nil, err
	}
	const query = "SELECT * FROM bench ORDER BY id"
	return &system{name: "ClickHouse, " + scheme, query: query, ours: ours, faster: 1, mapScan: mapScan(clickhouse.OpenDB(opts), "clickhouse", query),
		byHand: func() ([][]any, error) {
			r, err := native.Query(ctx, query)
			if err != nil {
				return nil, err
			}
			defer r.Close()
			var (
				out   [][]any
				id    int64
				n     int32
				price decimal.Decimal
				f     float64
				name  string
				note  *string
				at    time.Time
				ok    bool
			)
			for r.Next() {
				if err := r.Scan(&id, &n, &price, &f, &name, &note, &at, &ok); err != nil {
					return nil, err
				}
				row := []any{id, n, price, f, name, nil, at, ok}
				if note != nil {
					row[5] = *note
				}
				out = append(out, row)
			}
			return out, r.Err()
		}}, nil
}

func openSQLite(path string) (*system, error) {
	db, err := sql.Open("sqlite", path)
	if err != nil {
		return nil, err
	}
	if _, err := db.Exec(`CREATE TABLE bench(id INTEGER PRIMARY KEY, n INT, price REAL, f REAL, name TEXT, note TEXT, at DATETIME, ok INT);
		INSERT INTO bench WITH RECURSIVE g(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM g WHERE i < 10000)
		SELECT i, i % 100, i * 1.25, i / 7.0, 'customer ' || i, CASE WHEN i % 3 = 0 THEN NULL ELSE 'note' END,
		datetime('2024-01-02 08:00:00', '+' || i || ' seconds'), i % 2 = 0 FROM g`); err != nil {
		return nil, err
	}
	ours, err := sqlite.Open(path, nil)
	if err != nil {
		return nil, err
	}
	const text = "SELECT * FROM bench ORDER BY id"
	return &system{name: "SQLite", query: text, ours: ours, faster: 1, mapScan: mapScan(db, "sqlite", text),
		byHand: func() ([][]any, error) { return query(db, text) }}, nil
}

// walk reads a million rows page by page.
func walk(s source.Source) (missed bool, err error) {
	script, err := source.Parse(`WITH RECURSIVE g(i) AS (SELECT ${next_token} + 1 UNION ALL SELECT i + 1 FROM g WHERE i < ${next_token} + 10000)
		SELECT i, 'customer ' || i AS name, CASE WHEN i = 1000000 THEN NULL ELSE i END AS next_token FROM g`, s.Dialect())
	if err != nil {
		return false, err
	}
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	start, most, n := m.HeapInuse, uint64(0), 0
	for r, err := range source.Pages(context.Background(), s, script.Statements[0], map[string]string{source.NextToken: "0"}, source.PageOptions{}) {
		if err != nil {
			return false, err
		}
		n += len(r.Rows)
		runtime.ReadMemStats(&m)
		most = max(most, m.HeapInuse)
	}
	if n != 1_000_000 {
		return false, fmt.Errorf("the walk read %d rows", n)
	}
	above := int64(most) - int64(start)
	verdict := "reached"
	if above > maxMemory {
		verdict, missed = "MISSED", true
	}
	fmt.Printf("a million rows page by page: %.1f MiB above the start, at most 64: %s\n", float64(above)/(1<<20), verdict)
	return missed, nil
}
