package maxcompute

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aliyun/aliyun-odps-go-sdk/odps"
	"github.com/aliyun/aliyun-odps-go-sdk/odps/account"

	"github.com/datapush-go/datapush/source"
)

// dialect is how MaxCompute quotes and comments. Inside literals a backslash
// escapes, quotes too, and nothing else does
// (https://www.alibabacloud.com/help/en/maxcompute/latest/escape-character, read
// 2026-11-23).
var dialect = source.Dialect{Name: "maxcompute", Identifiers: "`", Strings: `"`, Backslash: true, BackslashQuotes: true, LeadingSet: true}

const zoneHint = "odps.sql.timezone"

// Options configure a Source. A nil *Options and the zero value mean the
// defaults. Maps and functions stay the caller's; a map is copied.
type Options struct {
	// Credentials is asked for the access key, with a security token or without,
	// before the first request, when the last answer expires, and once more when
	// the service refuses a request. It takes the place of the DSN's. It is called
	// by one goroutine at a time. Nil keeps the DSN's. New does not use it.
	Credentials func(ctx context.Context) (Credentials, error)
	// Region, such as "cn-hangzhou", makes signatures of version 4, which name
	// it. Empty takes the DSN's region, and without one version 1. New does not
	// use it.
	Region string
	// TimeZone is the IANA name of the zone that SQL functions work in and that
	// DATETIME and TIMESTAMP are shown in. Empty leaves the project's zone to the
	// SQL and shows times in UTC. A statement's own SET odps.sql.timezone goes
	// before it, for both.
	TimeZone string
	// Hints are settings of every job, such as odps.sql.allow.fullscan. A
	// statement's own SET statements go before them.
	Hints map[string]string
	// Quota is the name of the quota that runs the jobs. Empty is the project's.
	Quota string
	// Priority is that of the jobs, from 0, the highest, to 9. Nil is 9.
	Priority *int
	// Poll is the longest pause between two questions about a job; the first ones
	// are shorter. Zero is one second.
	Poll time.Duration
	// Sleep waits for d or until ctx ends, and returns ctx.Err() then. A host
	// with a clock of its own passes that clock's. Nil waits in real time.
	Sleep func(ctx context.Context, d time.Duration) error
	// Timeout is how long one request may take to be answered, and how long a
	// stream of rows may be silent, in real time. Zero is one minute.
	Timeout time.Duration
	// TunnelEndpoint is the tunnel's address, such as
	// "https://dt.cn-hangzhou.maxcompute.aliyun.com". Empty takes the DSN's, and
	// without one asks the service.
	TunnelEndpoint string
	// TunnelQuota is the name of the tunnel's quota. Empty takes the DSN's, and
	// without one the shared quota.
	TunnelQuota string
	// MaxBytes is how large a result may grow in memory, by source.CellSize. Zero
	// is 64 MiB.
	MaxBytes int64
	// Raw accepts any statement and puts values outside quotes in as they are,
	// see source.Dialect. A statement without rows runs and is then an error.
	Raw bool
	// Submitted is told of each job once it is made, by the goroutine that called
	// Query, which goes on when it returns. Nil tells nobody.
	Submitted func(ctx context.Context, i Instance)
}

// Instance names a job.
type Instance struct {
	Project string
	ID      string
}

// Source is a project of MaxCompute. It implements source.Source.
type Source struct {
	o        Options
	endpoint string
	project  string
	// account signs for a source made by New, and keeper for one made by Open.
	// renews says whether asking again can give other credentials.
	account account.Account
	keeper  *keeper
	renews  bool
	dial    time.Duration
	secrets []string
	tunnel  atomic.Pointer[string]
	invalid error
	closed  atomic.Bool
}

// Open makes a source of the project at dsn, which is the vendor's:
//
//	https://accessKeyID:accessKeySecret@service.cn-hangzhou.maxcompute.aliyun.com/api?project=name
//
// with the endpoint's address and path, and these parameters: project (required),
// stsToken, region, tunnelEndpoint, tunnelQuotaName, httpTimeout and
// tcpConnectionTimeout in seconds; one whose name has a dot is a hint. The access
// key may be left out when Options.Credentials is set. It makes no connection.
//
// The error is that of a DSN or of options that cannot be used, all that is wrong
// at once; it does not repeat the DSN.
func Open(dsn string, o *Options) (*Source, error) {
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	s := &Source{dial: 10 * time.Second}
	if o != nil {
		s.o = *o
	}
	s.o.Hints = maps.Clone(s.o.Hints)
	u, err := url.Parse(dsn)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, s.wrap(context.Background(), "open", &failure{err: errors.New(
			"the DSN cannot be read; it is like https://id:secret@service.cn-hangzhou.maxcompute.aliyun.com/api?project=name")})
	}
	static := Credentials{AccessKeyID: u.User.Username()}
	static.AccessKeySecret, _ = u.User.Password()
	s.endpoint = (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
	params, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		wrong("the DSN's parameters cannot be read")
	}
	seconds := func(name, v string) time.Duration {
		n, err := strconv.Atoi(v)
		if err != nil || n <= 0 {
			wrong("the DSN's %s is no number of seconds above zero", name)
		}
		return time.Duration(n) * time.Second
	}
	for name, values := range params {
		v := values[0]
		switch {
		case name == "project":
			s.project = v
		case name == "stsToken":
			static.SecurityToken = v
		case name == "region":
			s.o.Region = or(s.o.Region, v)
		case name == "tunnelEndpoint":
			s.o.TunnelEndpoint = or(s.o.TunnelEndpoint, v)
		case name == "tunnelQuotaName":
			s.o.TunnelQuota = or(s.o.TunnelQuota, v)
		case name == "httpTimeout":
			if d := seconds(name, v); s.o.Timeout == 0 {
				s.o.Timeout = d
			}
		case name == "tcpConnectionTimeout":
			s.dial = seconds(name, v)
		case name == "enableLogview":
			// The vendor's driver prints an address then; LogView returns it.
		case strings.Contains(name, "."):
			if s.o.Hints == nil {
				s.o.Hints = map[string]string{}
			}
			if _, ok := s.o.Hints[name]; !ok {
				s.o.Hints[name] = v
			}
		default:
			wrong("a parameter of the DSN is not known; see Open")
		}
	}
	get := s.o.Credentials
	if s.renews = get != nil; !s.renews {
		get = func(context.Context) (Credentials, error) { return static, nil }
		if static.AccessKeyID == "" || static.AccessKeySecret == "" {
			wrong("the DSN has no access key and Options.Credentials is nil")
		}
	}
	s.keeper = newKeeper(get)
	s.secrets = []string{dsn, u.Host, u.Hostname(), static.AccessKeyID, static.AccessKeySecret, static.SecurityToken, u.RawQuery, u.User.String()}
	s.complete(wrong)
	if len(errs) > 0 {
		return nil, s.wrap(context.Background(), "open", &failure{err: errors.Join(errs...)})
	}
	return s, nil
}

// New makes a source of a client that the host has, which must not be nil, with
// the client's account, endpoint and default project. Its requests are signed by
// that account, and are the source's own otherwise: the client's timeouts do not
// bind them. Options that cannot be used are reported by every query.
func New(client *odps.Odps, o *Options) *Source {
	rest := client.RestClient()
	s := &Source{dial: 10 * time.Second, account: client.Account(), endpoint: rest.Endpoint(), project: client.DefaultProjectName()}
	if o != nil {
		s.o = *o
	}
	s.o.Hints = maps.Clone(s.o.Hints)
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	u, err := url.Parse(s.endpoint)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		wrong("the client has no endpoint like https://service.cn-hangzhou.maxcompute.aliyun.com/api")
	} else {
		s.secrets = []string{u.Host, u.Hostname()}
	}
	switch a := s.account.(type) {
	case *account.AliyunAccount:
		s.secrets = append(s.secrets, a.AccessId(), a.AccessKey())
	case *account.StsAccount:
		if c, err := a.Credential(); err == nil {
			for _, p := range []*string{c.AccessKeyId, c.AccessKeySecret, c.SecurityToken, c.BearerToken} {
				if p != nil {
					s.secrets = append(s.secrets, *p)
				}
			}
		}
	}
	s.complete(wrong)
	s.invalid = errors.Join(errs...)
	return s
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// complete checks the options and fills in what is zero.
func (s *Source) complete(wrong func(format string, args ...any)) {
	o := &s.o
	if s.project == "" {
		wrong("no project is named")
	}
	if _, err := loadZone(o.TimeZone); err != nil {
		wrong("Options.TimeZone is no IANA name such as Asia/Shanghai")
	}
	if o.Priority != nil {
		n := *o.Priority
		o.Priority = &n
		if n < 0 || n > 9 {
			wrong("Options.Priority is %d; it is 0 to 9", n)
		}
	}
	if o.Poll < 0 || o.Timeout < 0 || o.MaxBytes < 0 {
		wrong("Options.Poll, Timeout or MaxBytes is below zero")
	}
	if o.Poll == 0 {
		o.Poll = time.Second
	}
	if o.Timeout == 0 {
		o.Timeout = time.Minute
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = source.MaxBytes
	}
	if o.Sleep == nil {
		o.Sleep = sleep
	}
}

// loadZone is time.LoadLocation without this machine's own zone, which the
// service does not know.
func loadZone(name string) (*time.Location, error) {
	if name == "Local" {
		return nil, errors.New("no zone's name")
	}
	return time.LoadLocation(name)
}

// sleep waits in real time.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Dialect says how MaxCompute quotes and comments.
func (s *Source) Dialect() source.Dialect {
	d := dialect
	d.Raw = s.o.Raw
	return d
}

// Close ends the source: queries fail from then on. Those that are running go on.
// There is nothing else to release.
func (s *Source) Close() error {
	s.closed.Store(true)
	return nil
}

// Query runs one statement as a job, after SET statements or not, and reads its
// rows up to the limit.
func (s *Source) Query(ctx context.Context, q source.Query) (*source.Result, error) {
	if err := source.Check(q.SQL, s.Dialect()); err != nil {
		return nil, err
	}
	r, err := s.query(ctx, q)
	if err != nil {
		return nil, s.wrap(ctx, "query", err)
	}
	return r, nil
}

func (s *Source) query(ctx context.Context, q source.Query) (*source.Result, error) {
	if err := s.usable(); err != nil {
		return nil, err
	}
	query, hints, zone, err := s.settings(q.SQL)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	c := s.conn()
	id, err := c.submit(ctx, query, hints)
	if err != nil {
		return nil, err
	}
	ended := false
	defer func() {
		if !ended { // Submitted may have panicked
			_ = c.terminate(ctx, id, nil)
		}
	}()
	if s.o.Submitted != nil {
		s.o.Submitted(ctx, Instance{s.project, id})
	}
	done, err := c.wait(ctx, id)
	ended = true
	if !done {
		return nil, c.terminate(ctx, id, err)
	}
	if err != nil {
		return nil, err
	}
	return c.result(ctx, id, zone, q.MaxRows)
}
