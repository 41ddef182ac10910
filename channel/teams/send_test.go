package teams_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/channel/channeltest"
	"github.com/datapush-go/datapush/channel/teams"
)

var now = time.Date(2024, 1, 3, 8, 0, 0, 0, time.UTC)

const (
	flow = "0f3acanaryflow77"
	sig  = "canary-Sig_+/99"
)

func setup(t *testing.T, o *channeltest.TeamsOptions) (*channeltest.Teams, *teams.Channel, channel.Destination, channel.Payload) {
	t.Helper()
	if o == nil {
		o = &channeltest.TeamsOptions{}
	}
	o.Now = func() time.Time { return now }
	if o.Workflows == nil {
		o.Workflows = map[string]channeltest.TeamsWorkflow{flow: {Sig: sig}}
	}
	f := channeltest.NewTeams(o)
	t.Cleanup(f.Close)
	c := teams.New(&teams.Options{Allow: channel.AllowLoopback(), Now: func() time.Time { return now }})
	t.Cleanup(func() { c.Close() })
	to := channel.Webhook("ops", channel.Teams, f.URL(flow))
	ps, err := c.Encode(message("Daily sales", p(channel.Text("canary row data 11000")), revenue()), to)
	if err != nil {
		t.Fatal(err)
	}
	return f, c, to, ps[0]
}

// clean fails when an error shows what no error may.
func clean(t *testing.T, err error) {
	t.Helper()
	for _, s := range []string{flow, sig, "canary-Sig", "http://127", "canary row data"} {
		if strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), s) {
			t.Errorf("the error shows %q: %v", s, err)
		}
	}
}

func TestSendIsAcceptedAndNotDelivered(t *testing.T) {
	f, c, to, p := setup(t, nil)
	for _, url := range []string{f.URL(flow), f.OldURL(flow)} {
		to.URL = channel.NewSecret(url)
		r, err := c.Send(t.Context(), to, p)
		if err != nil {
			t.Fatal(err)
		}
		if r.Delivered || r.ID == "" {
			t.Errorf("receipt %+v", r)
		}
	}
	m := f.Messages()
	want := "canary row data 11000\n| Department | Revenue | Change |\n| Department 1 | ¥11000 | -1000 yuan↓ |\n| Department 2 | ¥20000 | -1000 yuan↓ |\n| Department 3 | ¥10000 | 5000 yuan↑ |"
	if len(m) != 2 || m[0].Title != "Daily sales" || m[0].Text != want {
		t.Errorf("%q %q", m[0].Title, cmp.Diff(want, m[0].Text))
	}
}

func TestSendJudgesAnswers(t *testing.T) {
	type result struct {
		Receipt channel.Receipt
		Outcome channel.Outcome
		Code    string
		After   time.Duration
		Failed  bool
	}
	taken := func(delivered bool) result { return result{Receipt: channel.Receipt{Delivered: delivered}} }
	refused := func(code string) result { return result{Outcome: channel.Rejected, Code: code, Failed: true} }
	unknown := func(code string) result { return result{Code: code, Failed: true} }
	wait := func(code string, d time.Duration) result {
		return result{Outcome: channel.NotSent, Code: code, After: d, Failed: true}
	}
	legacy := func(status int) string {
		return fmt.Sprintf("Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error %d with ContextId tcid=0,server=X,cv=1.", status)
	}
	tests := []struct {
		name    string
		status  int
		body    string
		headers []string
		want    result
	}{
		{"queued", 202, "", nil, taken(false)},
		{"queued with a run", 202, "", []string{"x-ms-workflow-run-id: 0858CU1"}, result{Receipt: channel.Receipt{ID: "0858CU1"}}},
		{"a flow with an empty response", 200, "", nil, taken(false)},
		{"a flow with a response", 200, `{"status":"posted"}`, nil, taken(false)},
		{"a flow that reports an error", 200, `{"error":{"code":"ActionFailed","message":"An action failed."}}`, nil, refused("ActionFailed")},
		{"schema", 400, `{"error":{"code":"TriggerInputSchemaMismatch","message":"no match"}}`, nil, refused("TriggerInputSchemaMismatch")},
		{"switched off", 400, `{"error":{"code":"WorkflowTriggerIsNotEnabled","message":"off"}}`, nil, refused("WorkflowTriggerIsNotEnabled")},
		{"not open", 401, `{"error":{"code":"DirectApiAuthorizationRequired","message":"no"}}`, nil, refused("DirectApiAuthorizationRequired")},
		{"another authorisation code", 403, `{"error":{"code":"NewCode","message":"no"}}`, nil, refused("NewCode")},
		{"forbidden without a code", 403, "", nil, refused("HTTP 403")},
		{"deleted", 404, `{"error":{"code":"WorkflowNotFound","message":"gone"}}`, nil, refused("WorkflowNotFound")},
		{"too large", 413, "The request is larger than 28 KB", nil, refused("HTTP 413")},
		{"throttled", 429, `{"error":{"code":"TooManyRequests","message":"slow"}}`, []string{"Retry-After: 17"}, wait("HTTP 429", 17*time.Second)},
		{"throttled until a date", 429, "", []string{"Retry-After: Wed, 03 Jan 2024 08:00:45 GMT"}, wait("HTTP 429", 45*time.Second)},
		{"throttled without a wait", 429, "", nil, wait("HTTP 429", 30*time.Second)},
		{"503 with a wait", 503, "", []string{"Retry-After: 3"}, wait("HTTP 503", 3*time.Second)},
		{"503 without a wait", 503, "", nil, unknown("HTTP 503")},
		{"500", 500, `{"error":{"code":"InternalServerError","message":"x"}}`, nil, unknown("HTTP 500")},
		{"502", 502, "<html>bad gateway</html>", nil, unknown("HTTP 502")},
		{"504", 504, "", nil, unknown("HTTP 504")},
		{"redirect", 307, "", []string{"Location: https://example.com/"}, refused("HTTP 307")},
		{"page", 200, "<html>Sign in</html>", nil, unknown("HTTP 200")},
		{"no content", 204, "", nil, unknown("HTTP 204")},
		{"a connector's success", 200, "1", nil, taken(true)},
		{"a connector's 413", 200, legacy(413), nil, refused("HTTP 413")},
		{"a connector's 429", 200, legacy(429), nil, wait("HTTP 429", 30*time.Second)},
		{"a connector's 400", 200, legacy(400), nil, refused("HTTP 400")},
		{"a connector's 500", 200, legacy(502), nil, unknown("HTTP 502")},
		{"a connector's failure in other words", 200, "Webhook message delivery failed.", nil, refused("HTTP 200")},
		{"a connector without text", 400, "Summary or Text is required.", nil, refused("HTTP 400")},
	}
	f, c, to, p := setup(t, nil)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f.Inject(channeltest.Answer(tt.status, tt.body, tt.headers...))
			r, err := c.Send(t.Context(), to, p)
			got := result{Receipt: r}
			if err != nil {
				var e *channel.Error
				if !errors.As(err, &e) {
					t.Fatalf("%T is no *channel.Error", err)
				}
				got = result{Receipt: r, Outcome: e.Outcome, Code: e.Code, After: e.After, Failed: true}
				clean(t, err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%v\n(-want +got)\n%s", err, diff)
			}
		})
	}
}

func TestSendToTheFakeOfEachAddress(t *testing.T) {
	_, c, to, p := setup(t, nil)
	f := channeltest.NewTeams(&channeltest.TeamsOptions{Now: func() time.Time { return now }, Workflows: map[string]channeltest.TeamsWorkflow{
		"on": {Sig: "a+b/c="}, "off": {Disabled: true}}})
	defer f.Close()
	tests := []struct{ name, url, want string }{
		{"the address is sent byte for byte", f.URL("on"), ""},
		{"a wrong signature", strings.Replace(f.URL("on"), "sig=", "sig=x", 1), "AuthorizationFailed"},
		{"no signature", f.URL("on")[:strings.Index(f.URL("on"), "&sig=")], "DirectApiAuthorizationRequired"},
		{"a flow that is switched off", f.URL("off"), "WorkflowTriggerIsNotEnabled"},
		{"a flow that is gone", f.URL("gone"), "WorkflowNotFound"},
		{"another path", f.Base() + "/x", "HTTP 404"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			to.URL = channel.NewSecret(tt.url)
			_, err := c.Send(t.Context(), to, p)
			got := ""
			var e *channel.Error
			if errors.As(err, &e) {
				got = e.Code
			}
			if got != tt.want {
				t.Errorf("got %v, want code %q", err, tt.want)
			}
		})
	}
	t.Run("a fifth request within a second is throttled", func(t *testing.T) {
		to.URL = channel.NewSecret(f.URL("on"))
		var err error
		for range 4 {
			_, err = c.Send(t.Context(), to, p)
		}
		var e *channel.Error
		if !errors.As(err, &e) || e.Outcome != channel.NotSent || e.After != time.Second {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a 202 is no delivery", func(t *testing.T) {
		f := channeltest.NewTeams(&channeltest.TeamsOptions{Stored: 100})
		defer f.Close()
		to.URL = channel.NewSecret(f.URL("x"))
		if r, err := c.Send(t.Context(), to, p); err != nil || r.Delivered {
			t.Errorf("%+v, %v", r, err)
		}
		if r := f.Results(); len(r) != 1 || !strings.Contains(r[0].Failed, "at most 100") || len(f.Messages()) != 0 {
			t.Errorf("%+v", r)
		}
	})
	t.Run("a connector confirms", func(t *testing.T) {
		f := channeltest.NewTeams(&channeltest.TeamsOptions{Legacy: true})
		defer f.Close()
		to.URL = channel.NewSecret(f.URL("x"))
		if r, err := c.Send(t.Context(), to, p); err != nil || !r.Delivered {
			t.Errorf("%+v, %v", r, err)
		}
	})
}

func TestCheck(t *testing.T) {
	tests := []struct {
		name string
		to   channel.Destination
		want []string
	}{
		{"the current address", channel.Webhook("ops", channel.Teams, "https://x.09.environment.api.powerplatform.com:443/powerautomate/automations/direct/workflows/a/triggers/manual/paths/invoke?api-version=1&sig=b"), nil},
		{"an address of a shape nobody knows yet", channel.Webhook("ops", channel.Teams, "https://new.example.com/"), nil},
		{"no address", channel.Destination{}, []string{"teams: url: is missing: copy the address of the workflow"}},
		{"no https", channel.Webhook("ops", channel.Teams, "http://example.com/canary"), []string{"teams: url: does not begin with https://"}},
		{"everything wrong", channel.Destination{Kind: channel.Lark, URL: channel.NewSecret("canary"),
			Options: map[string]string{"tables": "x", "width": "x", "canary": ""}, Secrets: map[string]channel.Secret{"sign": channel.NewSecret("canary")}}, []string{
			"teams: kind: is lark, want teams",
			"teams: url: is no web address: copy the address of the workflow",
			`teams: options.tables: is none of "table" and "columns"`,
			`teams: options.width: is none of "full" and "default"`,
			"teams: options.canary: is unknown",
			"teams: secrets.sign: is unknown",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			if err := teams.New(nil).Check(tt.to); err != nil {
				got = strings.Split(err.Error(), "\n")
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestLimits(t *testing.T) {
	c := teams.New(nil)
	want := channel.Limits{Bytes: 26000, Rates: []channel.Rate{{N: 4, Per: time.Second}}}
	if diff := cmp.Diff(want, c.Limits(channel.Destination{})); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	a := c.Limits(channel.Webhook("a", channel.Teams, "https://h/workflows/"+flow+"?sig=1")).Budget
	b := c.Limits(channel.Webhook("b", channel.Teams, "https://h:443/workflows/"+flow+"?sig=2")).Budget
	other := c.Limits(channel.Webhook("c", channel.Teams, "https://h/workflows/x?sig=1")).Budget
	if a == "" || a != b || a == other || strings.Contains(a, flow) {
		t.Errorf("budgets %q, %q, %q", a, b, other)
	}
}

func TestPreviewOfWhatIsNoCard(t *testing.T) {
	if _, err := teams.New(nil).Preview(channel.Payload{Body: []byte("no")}); err == nil {
		t.Error("no error")
	}
}
