package channeltest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/datapush-go/datapush/channel/channeltest"
)

func teamsCard(card string) string {
	return `{"type":"message","attachments":[{"contentType":"application/vnd.microsoft.card.adaptive","contentUrl":null,"content":` + card + `}]}`
}

func teamsBody(version, body string) string {
	return teamsCard(`{"type":"AdaptiveCard","version":"` + version + `","body":[` + body + `]}`)
}

func TestTeamsChecksInOrder(t *testing.T) {
	f := channeltest.NewTeams(&channeltest.TeamsOptions{Workflows: map[string]channeltest.TeamsWorkflow{"on": {Sig: "a+b"}, "off": {Disabled: true}}})
	defer f.Close()
	without := func(url string) string { return url[:strings.Index(url, "&sig=")] }
	tests := []struct{ name, url, body, want string }{
		{"no signature comes first", without(f.URL("gone")), "not JSON", `401 {"error":{"code":"DirectApiAuthorizationRequired"`},
		{"an unknown flow", f.URL("gone"), "not JSON", `404 {"error":{"code":"WorkflowNotFound"`},
		{"a wrong signature", f.URL("on") + "x", "not JSON", `401 {"error":{"code":"AuthorizationFailed"`},
		{"a flow that is switched off", f.URL("off"), "not JSON", `400 {"error":{"code":"WorkflowTriggerIsNotEnabled"`},
		{"no JSON", f.URL("on"), "not JSON", `400 {"error":{"code":"TriggerInputSchemaMismatch"`},
		{"no attachments", f.URL("on"), `{"type":"message"}`, `400 {"error":{"code":"TriggerInputSchemaMismatch"`},
		{"anything attached", f.URL("on"), `{"attachments":[{}]}`, "202 "},
		{"the older address", f.OldURL("on"), teamsBody("1.5", ""), "202 "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := postJSON(t, tt.url, tt.body); !strings.HasPrefix(got, tt.want) {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestTeamsTellsWhatBecameOfACard(t *testing.T) {
	f := channeltest.NewTeams(&channeltest.TeamsOptions{PerSecond: 1000})
	defer f.Close()
	row := func(cells string) string {
		return `{"type":"Table","columns":[{"width":1}],"rows":[{"type":"TableRow","cells":[` + cells + `]}]}`
	}
	const cell = `{"type":"TableCell","items":[{"type":"TextBlock","text":"x"}]}`
	tests := []struct{ name, body, failed string }{
		{"a card", teamsBody("1.5", `{"type":"TextBlock","text":"x"}`), ""},
		{"no card", `{"attachments":[{"contentType":"text/plain","content":"x"}]}`, "no Adaptive Card"},
		{"a card of another type", teamsCard(`{"type":"Card","version":"1.5"}`), "no AdaptiveCard"},
		{"a version that nobody shows", teamsBody("1.6", ""), `version "1.6"`},
		{"an unknown element", teamsBody("1.5", `{"type":"Heading","text":"x"}`), `element "Heading"`},
		{"a table", teamsBody("1.5", row(cell)), ""},
		{"a table before its version", teamsBody("1.2", row(cell)), `element "Table"`},
		{"a row with too many cells", teamsBody("1.5", row(cell+","+cell)), "2 cells in 1 columns"},
		{"an element nested in a cell", teamsBody("1.5", row(`{"type":"TableCell","items":[{"type":"X"}]}`)), `element "X"`},
		{"a picture over http", teamsBody("1.5", `{"type":"Image","url":"http://example.com/a.png"}`), "https address"},
		{"a submit action", teamsBody("1.5", `{"type":"ActionSet","actions":[{"type":"Action.Submit"}]}`), "Action.Submit"},
		{"a card that is too large only when it is stored", teamsBody("1.5", `{"type":"TextBlock","text":"`+strings.Repeat(`\"`, 8000)+`"}`), "at most 28672"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before := len(f.Messages())
			if got := postJSON(t, f.URL("x"), tt.body); got != "202 " {
				t.Fatalf("got %s", got)
			}
			r := f.Results()
			failed := r[len(r)-1].Failed
			if (failed == "") != (tt.failed == "") || !strings.Contains(failed, tt.failed) {
				t.Errorf("failed %q, want %q", failed, tt.failed)
			}
			if took := len(f.Messages()) - before; (took == 1) != (failed == "") {
				t.Errorf("%d messages posted", took)
			}
		})
	}
}

func TestTeamsTellsMentions(t *testing.T) {
	f := channeltest.NewTeams(nil)
	defer f.Close()
	entity := func(name, id string) string {
		return fmt.Sprintf(`{"type":"mention","text":"<at>%s</at>","mentioned":{"id":%q,"name":%q}}`, name, id, name)
	}
	postJSON(t, f.URL("x"), teamsCard(`{"type":"AdaptiveCard","version":"1.5","body":[{"type":"TextBlock","text":"<at>Ann</at> and <at>Eve</at>"},`+
		`{"type":"RichTextBlock","inlines":[{"type":"TextRun","text":"<at>Bob</at>"}]}],"msteams":{"width":"Full","entities":[`+entity("Ann", "ann@example.com")+`,`+entity("Bob", "bob@example.com")+`]}}`))
	m := f.Messages()
	if len(m) != 1 {
		t.Fatalf("%+v", f.Results())
	}
	if diff := cmp.Diff([]string{"ann@example.com"}, m[0].Mentions); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestTeamsThrottles(t *testing.T) {
	now := time.Date(2024, 1, 3, 8, 0, 0, 0, time.UTC)
	f := channeltest.NewTeams(&channeltest.TeamsOptions{Now: func() time.Time { return now }, RetryAfter: 9})
	defer f.Close()
	for range 4 {
		postJSON(t, f.URL("x"), teamsBody("1.5", ""))
	}
	if got := postJSON(t, f.URL("x"), teamsBody("1.5", "")); !strings.HasPrefix(got, "429 ") {
		t.Errorf("got %s", got)
	}
	if got := postJSON(t, f.URL("y"), teamsBody("1.5", "")); got != "202 " {
		t.Errorf("another flow: %s", got)
	}
	now = now.Add(time.Second)
	if got := postJSON(t, f.URL("x"), teamsBody("1.5", "")); got != "202 " {
		t.Errorf("a second later: %s", got)
	}
}

func TestTeamsConnector(t *testing.T) {
	now := time.Date(2024, 1, 3, 8, 0, 0, 0, time.UTC)
	f := channeltest.NewTeams(&channeltest.TeamsOptions{Now: func() time.Time { return now }, Legacy: true})
	defer f.Close()
	failure := func(n int) string {
		return fmt.Sprintf("200 Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error %d with ContextId tcid=0,server=FAKE,cv=0.", n)
	}
	for _, tt := range []struct{ name, body, want string }{
		{"a text", `{"text":"hello"}`, "200 1"},
		{"nothing", `{}`, "400 Summary or Text is required."},
		{"a card that is too large", teamsBody("1.5", `{"type":"TextBlock","text":"`+strings.Repeat("x", 28672)+`"}`), failure(413)},
		{"a card that is wrong", teamsBody("1.5", `{"type":"X"}`), failure(400)},
		{"a fifth request", teamsBody("1.5", ""), failure(429)},
	} {
		if got := postJSON(t, f.URL("x"), tt.body); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
}
