package maxcompute

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aliyun/aliyun-odps-go-sdk/odps"

	"github.com/datapush-go/datapush/source"
)

const (
	// maxStatement is the longest statement the service takes, in bytes
	// (https://www.alibabacloud.com/help/en/maxcompute/maxcompute-sql-limits,
	// read 2026-11-23).
	maxStatement = 2 << 20
	// maxPollFailures is how many polls in a row may fail.
	maxPollFailures = 10
	// grace is how much longer than its context a request may take that decides
	// whether a job is left running.
	grace = 5 * time.Second
)

// errLeft is wrapped when a job could not be terminated.
var errLeft = errors.New("the job could not be terminated and may still be running")

// settings separates SET statements from the query and returns the job's
// settings, and the zone its times are shown in.
func (s *Source) settings(sql string) (query string, hints map[string]string, zone *time.Location, err error) {
	hints = maps.Clone(s.o.Hints)
	if hints == nil {
		hints = map[string]string{}
	}
	if s.o.Quota != "" {
		hints["odps.task.wlm.quota"] = s.o.Quota
	}
	if s.o.TimeZone != "" {
		hints[zoneHint] = s.o.TimeZone
	}
	sets, query := source.SplitSet(sql, dialect)
	for _, set := range sets {
		key, value, ok := strings.Cut(set[len("SET"):], "=")
		if key = strings.TrimSpace(key); !ok || key == "" || strings.ContainsAny(key, " \t\r\n") {
			return "", nil, nil, &failure{kind: source.Syntax, err: errors.New("a SET statement is not like SET key=value;")}
		}
		hints[key] = strings.TrimSpace(value)
	}
	zone = time.UTC
	if name := hints[zoneHint]; name != "" {
		if zone, err = loadZone(name); err != nil {
			return "", nil, nil, &failure{kind: source.Syntax, err: errors.New("the value of odps.sql.timezone is no time zone known here; use an IANA name such as Asia/Shanghai")}
		}
	}
	query = strings.TrimRight(query, "; \t\r\n")
	if i := strings.LastIndexByte(query, '\n'); strings.Contains(query[i+1:], "--") {
		query += "\n" // a comment must not swallow the semicolon
	}
	query += ";"
	if len(query) > maxStatement {
		return "", nil, nil, &failure{kind: source.Syntax, err: fmt.Errorf("the statement has %d bytes; the service takes up to %d", len(query), maxStatement)}
	}
	if strings.ContainsFunc(query, notXML) {
		return "", nil, nil, &failure{kind: source.Syntax, err: errors.New(`the statement holds a control character; write it with a backslash, such as '\001'`)}
	}
	return query, hints, zone, nil
}

// notXML tells characters that no XML document may hold. They would be replaced
// without a word.
func notXML(r rune) bool {
	return r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r == 0xfffe || r == 0xffff
}

// document is the job as the service takes it; the order of the elements counts.
func (s *Source) document(query string, hints map[string]string) ([]byte, error) {
	var raw [16]byte
	_, _ = rand.Read(raw[:]) // does not fail
	unique := fmt.Sprintf("%x-%x-%x-%x-%x", raw[:4], raw[4:6], raw[6:8], raw[8:10], raw[10:])
	task := odps.NewAnonymousSQLTask(query, hints)
	task.AddProperty("uuid", unique)
	priority := odps.DefaultJobPriority
	if s.o.Priority != nil {
		priority = *s.o.Priority
	}
	return xml.Marshal(struct {
		XMLName xml.Name `xml:"Instance"`
		Job     struct {
			Priority int
			Guid     string
			Task     odps.SQLTask `xml:"Tasks>SQL"`
		}
	}{Job: struct {
		Priority int
		Guid     string
		Task     odps.SQLTask `xml:"Tasks>SQL"`
	}{priority, unique, task}})
}

// submit makes a job and returns its ID. It does not give up with ctx at once,
// since a job whose ID is not known cannot be terminated.
func (c *conn) submit(ctx context.Context, query string, hints map[string]string) (string, error) {
	body, err := c.s.document(query, hints)
	if err != nil {
		return "", &failure{err: errors.New("the job cannot be written as XML")}
	}
	pause := c.s.o.Poll
	for n := 1; ; n++ {
		own, stop := graceful(ctx, c.s.o.Timeout)
		_, header, err := c.call(own, c.rest, http.MethodPost, c.s.resource(""), nil, map[string]string{"Content-Type": "application/xml"}, body)
		stop()
		var (
			f     *failure
			early notSent
		)
		switch {
		case err == nil:
			location := header.Get("Location")
			id := location[strings.LastIndexByte(location, '/')+1:]
			if id == "" {
				return "", fmt.Errorf("the answer to the submission names no instance: %w", ErrSubmissionLost)
			}
			return id, nil
		case errors.As(err, &f) && f.status == 0:
			return "", err
		case errors.As(err, &early):
		case f == nil:
			return "", lost(cause(err))
		case f.status == http.StatusTooManyRequests,
			f.status == http.StatusServiceUnavailable && f.coded,
			f.status == http.StatusConflict && f.after > 0:
			// The service has answered that there is no job.
		case f.status >= 500:
			return "", lost(f.Error())
		default:
			return "", err
		}
		if n == 5 || ctx.Err() != nil || c.s.o.Sleep(ctx, max(pause, wanted(err))) != nil {
			return "", err
		}
		pause *= 2
	}
}

func lost(why string) error {
	return &failure{kind: source.Unavailable, err: fmt.Errorf("the answer to the submission was lost (%s): %w", why, ErrSubmissionLost)}
}

// graceful returns a context that ends some time after ctx, or after its own
// time. stop must be called.
func graceful(ctx context.Context, d time.Duration) (own context.Context, stop func()) {
	own, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), d+grace, errSilent)
	done := make(chan struct{})
	undo := context.AfterFunc(ctx, func() {
		defer close(done)
		t := time.NewTimer(grace)
		defer t.Stop()
		select {
		case <-t.C:
			cancel()
		case <-own.Done():
		}
	})
	return own, func() {
		cancel()
		if !undo() {
			<-done
		}
	}
}

// wait asks about the job until it has ended. ended is false when it may still
// be running.
func (c *conn) wait(ctx context.Context, id string) (ended bool, err error) {
	failures := 0
	for pause := c.s.o.Poll / 8; ; pause = min(2*pause, c.s.o.Poll) {
		ended, err = c.poll(ctx, id)
		switch {
		case ended || err != nil && (ctx.Err() != nil || !again(err)):
			return ended, err
		case err == nil:
			failures = 0
		default:
			if failures++; failures == maxPollFailures {
				return false, &failure{kind: source.Unavailable, err: fmt.Errorf("asking about the job failed %d times in a row, at last: %s", failures, said(err))}
			}
			pause = max(pause, min(c.s.o.Poll<<min(failures, 5), max(30*time.Second, c.s.o.Poll)), wanted(err))
		}
		if err := c.s.o.Sleep(ctx, max(pause, 1)); err != nil {
			return false, err
		}
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
	}
}

// said is an error's text, if it is fit to be shown.
func said(err error) string {
	var f *failure
	if errors.As(err, &f) {
		return f.Error()
	}
	return cause(err)
}

// poll asks once. An error with ended says how the job failed.
func (c *conn) poll(ctx context.Context, id string) (ended bool, err error) {
	text, err := c.get(ctx, c.s.resource(id), "taskstatus")
	if err != nil {
		return false, err
	}
	var doc struct {
		Status string
		Tasks  []struct{ Status string } `xml:"Tasks>Task"`
	}
	if err := xml.Unmarshal(text, &doc); err != nil {
		// Something in between has answered, as it does with this status.
		return false, &failure{kind: source.Unavailable, status: http.StatusBadGateway, err: errors.New("the answer about the job is no document of the service")}
	}
	succeeded := 0
	for _, t := range doc.Tasks {
		switch strings.ToUpper(t.Status) {
		case "SUCCESS":
			succeeded++
		case "FAILED":
			return true, c.reason(ctx, id)
		case "CANCELLED":
			return true, &failure{kind: source.Canceled, err: fmt.Errorf("instance %s was cancelled on the server", id)}
		case "RUNNING", "WAITING", "SUSPENDED":
			// A suspended job is resumed, or the run's deadline ends it.
		default:
			if strings.EqualFold(doc.Status, "Terminated") {
				return true, &failure{err: fmt.Errorf("instance %s ended with a status that is not known, so it is not taken for success", id)}
			}
		}
	}
	return succeeded > 0 && succeeded == len(doc.Tasks), nil
}

// reason reads why a job failed.
func (c *conn) reason(ctx context.Context, id string) error {
	var doc struct {
		Tasks []struct {
			Status string
			Result struct {
				Transform string `xml:"Transform,attr"`
				Text      string `xml:",chardata"`
			}
		} `xml:"Tasks>Task"`
	}
	err := c.retry(ctx, func() error {
		text, err := c.get(ctx, c.s.resource(id), "result")
		if err == nil {
			err = xml.Unmarshal(text, &doc)
		}
		return err
	})
	if err != nil {
		return &failure{err: fmt.Errorf("instance %s failed, and its reason cannot be read", id)}
	}
	for _, t := range doc.Tasks {
		if !strings.EqualFold(t.Status, "FAILED") {
			continue
		}
		text := t.Result.Text
		if strings.EqualFold(t.Result.Transform, "Base64") {
			if b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text)); err == nil {
				text = string(b)
			}
		}
		f := c.s.explain(0, "", text)
		f.err = fmt.Errorf("instance %s failed: %w", id, f.err)
		return f
	}
	return &failure{err: fmt.Errorf("instance %s failed and gave no reason", id)}
}

// terminate ends a job whatever has become of ctx, and adds to err if it cannot.
func (c *conn) terminate(ctx context.Context, id string, err error) error {
	own, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	body := []byte("<Instance><Status>Terminated</Status></Instance>")
	for n := 0; n < 3; n++ {
		_, _, failed := c.call(own, c.rest, http.MethodPut, c.s.resource(id), nil, map[string]string{"Content-Type": "application/xml"}, body)
		if failed == nil {
			return err
		}
		var f *failure
		if errors.As(failed, &f) && f.status/100 == 4 && !again(failed) && f.kind != source.Denied {
			return err // it has ended by itself
		}
		if c.s.o.Sleep(own, c.s.o.Poll/8) != nil {
			break
		}
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%w: instance %s", errLeft, id)
	}
	kind := source.Unavailable
	var f *failure
	if errors.As(err, &f) {
		kind = f.kind
	}
	return &failure{kind: kind, err: fmt.Errorf("%s; %w: instance %s", said(err), errLeft, id)}
}

// bearer asks for a token that allows reading one instance.
func (c *conn) bearer(ctx context.Context, id string, hours int) (string, error) {
	type statement struct {
		Action   []string
		Effect   string
		Resource string
	}
	type policy struct {
		Statement []statement
		Version   string
	}
	body, err := json.Marshal(struct {
		Hours  int    `json:"expires_in_hours"`
		Policy policy `json:"policy"`
	}{hours, policy{[]statement{{[]string{"odps:Read"}, "Allow", "acs:odps:*:projects/" + c.s.project + "/instances/" + id}}, "1"}})
	if err != nil {
		return "", &failure{err: errors.New("the policy cannot be written")}
	}
	path := strings.TrimSuffix(c.s.resource(""), "/instances") + "/authorization"
	text, _, err := c.call(ctx, c.rest, http.MethodPost, path, url.Values{"sign_bearer_token": {""}}, map[string]string{"Content-Type": "application/json"}, body)
	if err != nil {
		return "", err
	}
	var doc struct{ Result string }
	if err := xml.Unmarshal(text, &doc); err != nil || doc.Result == "" {
		return "", &failure{err: errors.New("the service gave no token for the log view")}
	}
	return doc.Result, nil
}
