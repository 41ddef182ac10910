package email_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/channel/channeltest"
	"github.com/datapush-go/datapush/channel/email"
)

func TestSendDeliversOverEverySecurityAndLogin(t *testing.T) {
	all := map[string]string{"bot@example.com": canary}
	cases := []struct {
		name      string
		fake      channeltest.SMTPOptions
		change    func(*email.Account)
		options   email.Options
		mechanism string
		tls       bool
	}{
		{name: "implicit TLS chooses SCRAM-SHA-256", mechanism: "SCRAM-SHA-256", tls: true},
		{
			name: "STARTTLS is the default of other ports", fake: channeltest.SMTPOptions{Security: channeltest.SMTPSTARTTLS},
			change: func(a *email.Account) { a.TLS = "" }, mechanism: "SCRAM-SHA-256", tls: true,
		},
		{name: "PLAIN", change: func(a *email.Account) { a.Auth = email.Plain }, mechanism: "PLAIN", tls: true},
		{name: "LOGIN", change: func(a *email.Account) { a.Auth = email.Login }, mechanism: "LOGIN", tls: true},
		{name: "CRAM-MD5", change: func(a *email.Account) { a.Auth = email.CRAMMD5 }, mechanism: "CRAM-MD5", tls: true},
		{name: "SCRAM-SHA-1", change: func(a *email.Account) { a.Auth = email.SCRAMSHA1 }, mechanism: "SCRAM-SHA-1", tls: true},
		{name: "SCRAM-SHA-256", change: func(a *email.Account) { a.Auth = email.SCRAMSHA256 }, mechanism: "SCRAM-SHA-256", tls: true},
		{
			name: "PLAIN is chosen before CRAM-MD5 under TLS", fake: channeltest.SMTPOptions{Auth: []string{"CRAM-MD5", "PLAIN"}},
			mechanism: "PLAIN", tls: true,
		},
		{
			name: "XOAUTH2 with the password as token", fake: channeltest.SMTPOptions{Tokens: all},
			change: func(a *email.Account) { a.Auth = email.XOAUTH2 }, mechanism: "XOAUTH2", tls: true,
		},
		{
			name: "XOAUTH2 with a token source", fake: channeltest.SMTPOptions{Tokens: map[string]string{"bot@example.com": "fresh"}},
			change:    func(a *email.Account) { a.Auth = email.XOAUTH2 },
			options:   email.Options{Token: func(context.Context, channel.Destination) (string, error) { return "fresh", nil }},
			mechanism: "XOAUTH2", tls: true,
		},
		{
			name: "clear text with a challenge", fake: channeltest.SMTPOptions{Security: channeltest.SMTPNoTLS, AuthWithoutTLS: true},
			change: func(a *email.Account) { a.TLS = email.NoTLS }, mechanism: "SCRAM-SHA-256",
		},
		{
			name: "no login", fake: channeltest.SMTPOptions{Users: map[string]string{}},
			change: func(a *email.Account) { a.User, a.Password = "", channel.Secret{} }, tls: true,
		},
		{
			name:   "the user is the sender where only a password is given",
			change: func(a *email.Account) { a.User = "" }, mechanism: "SCRAM-SHA-256", tls: true,
		},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			f, _ := start(t, tc.fake)
			c := open(t, f, tc.options)
			a := account(f)
			if tc.change != nil {
				tc.change(&a)
			}
			to := email.To("mail", a)
			if err := c.Check(to); err != nil {
				t.Fatalf("Check: %v", err)
			}
			r, err := send(t, c, to)
			if err != nil {
				t.Fatalf("Send: %v", err)
			}
			want := channel.Receipt{ID: "FAKE1", Note: "2.0.0 Ok: queued as FAKE1"}
			if d := cmp.Diff(want, r); d != "" {
				t.Errorf("receipt (-want +got):\n%s", d)
			}
			wantMail := []channeltest.SMTPMessage{{
				From: "bot@example.com", To: []string{"a@x.com"}, TLS: tc.tls, Mechanism: tc.mechanism, Conn: 1,
			}}
			if tc.mechanism != "" {
				wantMail[0].User = "bot@example.com"
			}
			if d := cmp.Diff(wantMail, f.Messages(), cmpopts.IgnoreFields(channeltest.SMTPMessage{}, "Data")); d != "" {
				t.Errorf("mails (-want +got):\n%s", d)
			}
			for _, m := range f.Messages() {
				wire(t, m.Data)
			}
		})
	}
}

func TestSendStatesWhatCanHaveArrived(t *testing.T) {
	three := func(a *email.Account) { a.To = []string{"a@x.com,b@y.com", "c@z.com"} }
	fault := func(fs ...channeltest.SMTPFault) channeltest.SMTPOptions {
		return channeltest.SMTPOptions{Faults: fs}
	}
	cases := []struct {
		name    string
		fake    channeltest.SMTPOptions
		change  func(*email.Account)
		outcome channel.Outcome
		code    string
		after   time.Duration
		text    string
		stored  int
	}{
		{
			name: "a greeting of 421 may be tried again", fake: fault(channeltest.SMTPFault{Verb: "CONNECT", Reply: "421 4.3.2 too busy", Close: true}),
			outcome: channel.NotSent, code: "421 4.3.2", text: "too busy",
		},
		{
			name: "a greeting of 554 is final", fake: fault(channeltest.SMTPFault{Verb: "CONNECT", Reply: "554 5.7.1 go away", Close: true}),
			outcome: channel.Rejected, code: "554 5.7.1", text: "go away",
		},
		{
			name: "a connection without a greeting may be tried again", fake: fault(channeltest.SMTPFault{Verb: "CONNECT", Close: true}),
			outcome: channel.NotSent, text: "read the greeting",
		},
		{
			name: "missing STARTTLS is final", fake: channeltest.SMTPOptions{Security: channeltest.SMTPNoTLS},
			change: func(a *email.Account) { a.TLS = email.STARTTLS }, outcome: channel.Rejected, text: "does not offer STARTTLS",
		},
		{
			name:   "a STARTTLS of 454 may be tried again",
			fake:   channeltest.SMTPOptions{Security: channeltest.SMTPSTARTTLS, Faults: []channeltest.SMTPFault{{Verb: "STARTTLS", Reply: "454 4.7.0 not now"}}},
			change: func(a *email.Account) { a.TLS = email.STARTTLS }, outcome: channel.NotSent, code: "454 4.7.0", text: "not now",
		},
		{
			name: "implicit TLS to a server that speaks first in clear text may be tried again",
			fake: channeltest.SMTPOptions{Security: channeltest.SMTPSTARTTLS}, outcome: channel.NotSent, text: "STARTTLS",
		},
		{
			name: "a login of 454 may be tried again", fake: fault(channeltest.SMTPFault{Verb: "AUTH", Reply: "454 4.7.0 later"}),
			outcome: channel.NotSent, code: "454 4.7.0",
		},
		{
			name: "a wrong password is final", change: func(a *email.Account) { a.Password = channel.NewSecret("wrong") },
			outcome: channel.Rejected, code: "535 5.7.8", text: "log in",
		},
		{
			name:    "a wrong password over CRAM-MD5 is final",
			change:  func(a *email.Account) { a.Password, a.Auth = channel.NewSecret("wrong"), email.CRAMMD5 },
			outcome: channel.Rejected, code: "535 5.7.8",
		},
		{
			name: "a wrong token is final", fake: channeltest.SMTPOptions{Tokens: map[string]string{"bot@example.com": "other"}},
			change: func(a *email.Account) { a.Auth = email.XOAUTH2 }, outcome: channel.Rejected, code: "535 5.7.8",
		},
		{
			name: "a server that echoes the password does not reach the error", fake: fault(channeltest.SMTPFault{Verb: "AUTH", Reply: "535 5.7.8 bad " + canary}),
			outcome: channel.Rejected, code: "535 5.7.8", text: "bad [redacted]",
		},
		{
			name: "a server without a login is final",
			fake: channeltest.SMTPOptions{Security: channeltest.SMTPNoTLS}, change: func(a *email.Account) { a.TLS = email.NoTLS },
			outcome: channel.Rejected, text: "does not offer to log in",
		},
		{
			name: "a sender that may not send is final", fake: fault(channeltest.SMTPFault{Verb: "MAIL", Reply: "550 5.7.30 basic login is off"}),
			outcome: channel.Rejected, code: "550 5.7.30", text: "basic login is off",
		},
		{
			name: "a sender refused by size is final", fake: fault(channeltest.SMTPFault{Verb: "MAIL", Reply: "552 5.3.4 too big"}),
			outcome: channel.Rejected, code: "552 5.3.4",
		},
		{
			name: "greylisting gives five minutes", fake: fault(channeltest.SMTPFault{Verb: "RCPT", Reply: "451 4.7.1 greylisted"}),
			outcome: channel.NotSent, code: "451 4.7.1", after: 5 * time.Minute, text: "a@x.com",
		},
		{
			name: "one receiver refused for good is nobody's mail", change: three,
			fake:    fault(channeltest.SMTPFault{Verb: "RCPT", Arg: "b@y.com", Reply: "550 5.1.1 no such user"}),
			outcome: channel.Rejected, code: "550 5.1.1", text: "b@y.com (550 5.1.1)",
		},
		{
			name: "451 before 550 is final and both are named", change: three,
			fake: fault(channeltest.SMTPFault{Verb: "RCPT", Arg: "a@x.com", Reply: "451 4.2.1 later"},
				channeltest.SMTPFault{Verb: "RCPT", Arg: "c@z.com", Reply: "550 5.1.1 no such user"}),
			outcome: channel.Rejected, code: "550 5.1.1", text: "a@x.com (451 4.2.1), c@z.com (550 5.1.1)",
		},
		{
			name: "550 before 451 is final too", change: three,
			fake: fault(channeltest.SMTPFault{Verb: "RCPT", Arg: "a@x.com", Reply: "550 5.1.1 no such user"},
				channeltest.SMTPFault{Verb: "RCPT", Arg: "c@z.com", Reply: "451 4.2.1 later"}),
			outcome: channel.Rejected, code: "550 5.1.1",
		},
		{
			name:   "a temporary refusal holds back those that drop the permanent ones",
			change: func(a *email.Account) { three(a); a.DropRefused = true },
			fake: fault(channeltest.SMTPFault{Verb: "RCPT", Arg: "a@x.com", Reply: "550 5.1.1 no such user"},
				channeltest.SMTPFault{Verb: "RCPT", Arg: "c@z.com", Reply: "451 4.2.1 later"}),
			outcome: channel.NotSent, code: "451 4.2.1", after: 5 * time.Minute,
		},
		{
			name: "dropping every receiver is final", change: func(a *email.Account) { a.DropRefused = true },
			fake:    fault(channeltest.SMTPFault{Verb: "RCPT", Reply: "550 5.1.1 no such user"}),
			outcome: channel.Rejected, code: "550 5.1.1",
		},
		{
			name: "too many receivers at once says what to do", change: three, fake: channeltest.SMTPOptions{MaxReceivers: 2},
			outcome: channel.NotSent, code: "452 4.5.3", text: "divide them",
		},
		{
			name: "a connection closed at RCPT may be tried again", fake: fault(channeltest.SMTPFault{Verb: "RCPT", Close: true}),
			outcome: channel.NotSent, text: "RCPT TO",
		},
		{
			name: "DATA refused with 451 may be tried again", fake: fault(channeltest.SMTPFault{Verb: "DATA", Reply: "451 4.3.0 disk"}),
			outcome: channel.NotSent, code: "451 4.3.0", after: 5 * time.Minute,
		},
		{
			name: "a connection closed before the final dot may be tried again",
			fake: fault(channeltest.SMTPFault{Verb: "DATA", Close: true}), outcome: channel.NotSent, text: "DATA",
		},
		{
			name: "a connection closed after the final dot is unknown, and here it was delivered",
			fake: fault(channeltest.SMTPFault{Verb: ".", Close: true, Stored: true}), outcome: channel.Unknown, stored: 1,
			text: "before the server answered the complete mail",
		},
		{
			name: "a connection closed after the final dot is unknown, and here it was not",
			fake: fault(channeltest.SMTPFault{Verb: ".", Close: true}), outcome: channel.Unknown,
		},
		{
			name: "451 after the final dot may be tried again", fake: fault(channeltest.SMTPFault{Verb: ".", Reply: "451 4.3.0 queue"}),
			outcome: channel.NotSent, code: "451 4.3.0", after: 5 * time.Minute,
		},
		{
			name: "552 after the final dot is final", fake: fault(channeltest.SMTPFault{Verb: ".", Reply: "552 5.3.4 too big"}),
			outcome: channel.Rejected, code: "552 5.3.4",
		},
		{
			name: "554 after the final dot is final", fake: fault(channeltest.SMTPFault{Verb: ".", Reply: "554 5.7.1 looks like spam"}),
			outcome: channel.Rejected, code: "554 5.7.1", text: "looks like spam",
		},
		{
			name: "a mail over the announced size is never begun", fake: channeltest.SMTPOptions{MaxBytes: 1000},
			outcome: channel.Rejected, text: "the server takes 1000 at most",
		},
		{
			name: "a mail over a size that was not announced is final", fake: channeltest.SMTPOptions{MaxBytes: 1000, NoSIZE: true},
			outcome: channel.Rejected, code: "552 5.3.4",
		},
		{
			name: "an address that needs SMTPUTF8 is final without it", fake: channeltest.SMTPOptions{NoSMTPUTF8: true},
			change: func(a *email.Account) { a.To = []string{"用户@x.com"} }, outcome: channel.Rejected, text: "SMTPUTF8",
		},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			f, c := start(t, tc.fake)
			a := account(f)
			if tc.change != nil {
				tc.change(&a)
			}
			r, err := send(t, c, email.To("mail", a))
			if err == nil {
				t.Fatalf("Send gave the receipt %+v", r)
			}
			e := failure(t, err)
			got := []any{e.Outcome, e.Code, e.After, len(f.Messages())}
			if d := cmp.Diff([]any{tc.outcome, tc.code, tc.after, tc.stored}, got); d != "" {
				t.Errorf("outcome, code, wait, mails (-want +got):\n%s\n%v", d, err)
			}
			if !strings.Contains(err.Error(), tc.text) || !strings.HasPrefix(err.Error(), "email: send: ") {
				t.Errorf("the error %q does not say %q", err, tc.text)
			}
		})
	}
}

// The table of section 6.7 of the channel specification, reply by reply.
func TestSendJudgesEachReply(t *testing.T) {
	rows := []struct {
		verb    string
		replies []string
		outcome channel.Outcome
		after   time.Duration
	}{
		{"AUTH", []string{"454 4.7.0", "421 4.3.2", "432 4.7.12"}, channel.NotSent, 0},
		{"AUTH", []string{"535 5.7.8", "534 5.7.9", "538 5.7.11", "530 5.7.0", "504 5.5.4", "550 5.7.30"}, channel.Rejected, 0},
		{"MAIL", []string{"421 4.3.2", "452 4.3.1", "455 4.0.0"}, channel.NotSent, 0},
		{"MAIL", []string{"450 4.2.1", "451 4.3.0"}, channel.NotSent, 5 * time.Minute},
		{"MAIL", []string{"552 5.3.4", "554 5.7.1"}, channel.Rejected, 0},
		{"RCPT", []string{"421 4.3.2", "452 4.3.1", "455 4.0.0"}, channel.NotSent, 0},
		{"RCPT", []string{"450 4.2.0", "451 4.7.1"}, channel.NotSent, 5 * time.Minute},
		{"RCPT", []string{"550 5.1.1", "551 5.1.6", "553 5.1.3", "501 5.1.3"}, channel.Rejected, 0},
		{"DATA", []string{"421 4.3.2", "452 4.3.1", "455 4.0.0"}, channel.NotSent, 0},
		{"DATA", []string{"450 4.2.0", "451 4.3.0"}, channel.NotSent, 5 * time.Minute},
		{".", []string{"421 4.3.2", "452 4.3.1"}, channel.NotSent, 0},
		{".", []string{"450 4.2.0", "451 4.3.0"}, channel.NotSent, 5 * time.Minute},
		{".", []string{"552 5.3.4", "554 5.7.1"}, channel.Rejected, 0},
	}
	for _, row := range rows {
		for _, reply := range row.replies {
			t.Run(row.verb+" "+reply, func(t *testing.T) {
				f, c := start(t, channeltest.SMTPOptions{Faults: []channeltest.SMTPFault{
					{Verb: row.verb, Reply: reply + " no, " + canary, Close: strings.HasPrefix(reply, "421")}}})
				_, err := send(t, c, email.To("mail", account(f)))
				e := failure(t, err)
				got := []any{e.Outcome, e.Code, e.After, len(f.Messages())}
				if d := cmp.Diff([]any{row.outcome, reply, row.after, 0}, got); d != "" {
					t.Errorf("outcome, code, wait, mails (-want +got):\n%s\n%v", d, err)
				}
			})
		}
	}
}

func TestSendIsDoneOnceTheMailIsAccepted(t *testing.T) {
	for _, verb := range []string{"RSET", "NOOP", "QUIT"} {
		t.Run("a failing "+verb+" after the mail changes nothing", func(t *testing.T) {
			f, c := start(t, channeltest.SMTPOptions{Faults: []channeltest.SMTPFault{{Verb: verb, Reply: "421 4.0.0 bye", Close: true}}})
			to := email.To("mail", account(f))
			for range 2 {
				if _, err := send(t, c, to); err != nil {
					t.Fatalf("Send: %v", err)
				}
			}
			if err := c.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
			if n := len(f.Messages()); n != 2 {
				t.Errorf("the server has %d mails, want 2", n)
			}
		})
	}
}

func TestSendDropsReceiversThatAreRefusedForGood(t *testing.T) {
	f, c := start(t, channeltest.SMTPOptions{Faults: []channeltest.SMTPFault{{Verb: "RCPT", Arg: "b@y.com", Reply: "550 5.1.1 no such user"}}})
	a := account(f)
	a.To, a.DropRefused = []string{"a@x.com,b@y.com", "c@z.com"}, true
	r, err := send(t, c, email.To("mail", a))
	if err != nil {
		t.Fatalf("Send: %v", err)
	}
	want := channel.Receipt{ID: "FAKE1", Note: "not sent to b@y.com (550 5.1.1); 2.0.0 Ok: queued as FAKE1"}
	if d := cmp.Diff(want, r); d != "" {
		t.Errorf("receipt (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]string{"a@x.com", "c@z.com"}, f.Messages()[0].To); d != "" {
		t.Errorf("receivers (-want +got):\n%s", d)
	}
}

func TestSendUsesAConnectionAgain(t *testing.T) {
	t.Run("several mails of an account go over one connection", func(t *testing.T) {
		f, c := start(t, channeltest.SMTPOptions{})
		to := email.To("mail", account(f))
		for range 5 {
			if _, err := send(t, c, to); err != nil {
				t.Fatalf("Send: %v", err)
			}
		}
		if n := f.Connections(); n != 1 {
			t.Errorf("%d connections for 5 mails, want 1", n)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if cs := f.Commands(); cs[len(cs)-1] != "QUIT" {
			t.Errorf("Close ended the connection with %q, want QUIT", cs[len(cs)-1])
		}
		if _, err := send(t, c, to); failure(t, err).Outcome != channel.NotSent {
			t.Errorf("Send after Close: %v", err)
		}
	})
	t.Run("accounts never share one", func(t *testing.T) {
		f, c := start(t, channeltest.SMTPOptions{Users: map[string]string{"bot@example.com": canary, "other@example.com": "o"}})
		a, b := account(f), account(f)
		b.User, b.Password = "other@example.com", channel.NewSecret("o")
		for _, x := range []email.Account{a, b, a} {
			if _, err := send(t, c, email.To("mail", x)); err != nil {
				t.Fatalf("Send: %v", err)
			}
		}
		var users []string
		for _, m := range f.Messages() {
			users = append(users, m.User)
		}
		if d := cmp.Diff([]string{"bot@example.com", "other@example.com", "bot@example.com"}, users); d != "" {
			t.Errorf("logins (-want +got):\n%s", d)
		}
	})
	t.Run("a changed password is a new connection", func(t *testing.T) {
		f, c := start(t, channeltest.SMTPOptions{})
		a := account(f)
		if _, err := send(t, c, email.To("mail", a)); err != nil {
			t.Fatal(err)
		}
		a.Password = channel.NewSecret("wrong")
		if _, err := send(t, c, email.To("mail", a)); failure(t, err).Code != "535 5.7.8" {
			t.Errorf("Send with a wrong password: %v", err)
		}
	})
	for _, fault := range []channeltest.SMTPFault{
		{Verb: "MAIL", N: 2, Close: true},
		{Verb: "MAIL", N: 2, Reply: "421 4.4.2 idle for too long", Close: true},
	} {
		t.Run("one that the server ended meanwhile is replaced: "+fault.Reply, func(t *testing.T) {
			f, c := start(t, channeltest.SMTPOptions{Faults: []channeltest.SMTPFault{fault}})
			to := email.To("mail", account(f))
			for range 2 {
				if _, err := send(t, c, to); err != nil {
					t.Fatalf("Send: %v", err)
				}
			}
			if n, m := f.Connections(), len(f.Messages()); n != 2 || m != 2 {
				t.Errorf("%d connections and %d mails, want 2 and 2", n, m)
			}
		})
	}
	t.Run("a refused receiver leaves it usable", func(t *testing.T) {
		f, c := start(t, channeltest.SMTPOptions{Faults: []channeltest.SMTPFault{{Verb: "RCPT", N: 1, Reply: "550 5.1.1 no"}}})
		to := email.To("mail", account(f))
		if _, err := send(t, c, to); failure(t, err).Outcome != channel.Rejected {
			t.Errorf("Send: %v", err)
		}
		if _, err := send(t, c, to); err != nil {
			t.Errorf("Send: %v", err)
		}
		if n := f.Connections(); n != 1 {
			t.Errorf("%d connections, want 1", n)
		}
		if !slices.Contains(f.Commands(), "RSET") {
			t.Error("the transaction was not reset")
		}
	})
	t.Run("a failing RSET after a refusal costs the connection and nothing else", func(t *testing.T) {
		f, c := start(t, channeltest.SMTPOptions{Faults: []channeltest.SMTPFault{
			{Verb: "RCPT", N: 1, Reply: "550 5.1.1 no"}, {Verb: "RSET", Reply: "500 5.5.1 what"},
		}})
		to := email.To("mail", account(f))
		if _, err := send(t, c, to); failure(t, err).Code != "550 5.1.1" {
			t.Errorf("Send: %v", err)
		}
		if _, err := send(t, c, to); err != nil {
			t.Errorf("Send: %v", err)
		}
		if n := f.Connections(); n != 2 {
			t.Errorf("%d connections, want 2", n)
		}
	})
}

func TestSendEndsWithItsContext(t *testing.T) {
	t.Run("a context that has ended sends nothing", func(t *testing.T) {
		f, c := start(t, channeltest.SMTPOptions{})
		to := email.To("mail", account(f))
		p := encode(t, c, sales(), to)
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_, err := c.Send(ctx, to, p)
		if e := failure(t, err); e.Outcome != channel.NotSent || !errors.Is(err, context.Canceled) {
			t.Errorf("Send: %v (%v)", err, e.Outcome)
		}
		if f.Connections() != 0 {
			t.Error("a connection was made")
		}
	})
	cases := []struct {
		verb    string
		outcome channel.Outcome
	}{
		{"CONNECT", channel.NotSent},
		{"EHLO", channel.NotSent},
		{"AUTH", channel.NotSent},
		{"MAIL", channel.NotSent},
		{"RCPT", channel.NotSent},
		{"DATA", channel.NotSent},
		{".", channel.Unknown},
	}
	for _, tc := range cases {
		t.Run("during "+tc.verb+" it closes the connection", func(t *testing.T) {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			f, c := start(t, channeltest.SMTPOptions{Faults: []channeltest.SMTPFault{{Verb: tc.verb, Hang: true, Then: cancel}}})
			to := email.To("mail", account(f))
			_, err := c.Send(ctx, to, encode(t, c, sales(), to))
			if e := failure(t, err); e.Outcome != tc.outcome || !errors.Is(err, context.Canceled) {
				t.Errorf("Send: %v (%v), want %v", err, e.Outcome, tc.outcome)
			}
			if n := len(f.Messages()); n != 0 {
				t.Errorf("the server has %d mails", n)
			}
		})
	}
	t.Run("a silent server ends with the time limit", func(t *testing.T) {
		f, _ := start(t, channeltest.SMTPOptions{Faults: []channeltest.SMTPFault{{Verb: "MAIL", Hang: true}}})
		c := open(t, f, email.Options{Timeout: 50 * time.Millisecond})
		_, err := send(t, c, email.To("mail", account(f)))
		if e := failure(t, err); e.Outcome != channel.NotSent {
			t.Errorf("Send: %v (%v)", err, e.Outcome)
		}
	})
	t.Run("a slow answer after the final dot is unknown after the time limit", func(t *testing.T) {
		// The limit is ten minutes, so the test ends it by hand.
		line := make(chan net.Conn, 1)
		f, _ := start(t, channeltest.SMTPOptions{Faults: []channeltest.SMTPFault{{Verb: ".", Hang: true, Stored: true, Then: func() {
			n := <-line
			if d := time.Until(n.(*timedConn).deadline.Load().(time.Time)); d < 9*time.Minute || d > 10*time.Minute {
				t.Errorf("the answer may take %v, want 10 minutes", d)
			}
			_ = n.SetReadDeadline(time.Unix(1, 0))
		}}}})
		c := email.New(&email.Options{
			TLSConfig: f.TLSConfig(),
			Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
				n, err := (&net.Dialer{}).DialContext(ctx, network, addr)
				timed := &timedConn{Conn: n}
				line <- timed
				return timed, err
			},
		})
		_, err := send(t, c, email.To("mail", account(f)))
		if e := failure(t, err); e.Outcome != channel.Unknown || len(f.Messages()) != 1 {
			t.Errorf("Send: %v (%v)", err, e.Outcome)
		}
	})
}

// timedConn shows the time limit that was set last.
type timedConn struct {
	net.Conn
	deadline atomic.Value
}

func (c *timedConn) SetDeadline(t time.Time) error {
	c.deadline.Store(t)
	return c.Conn.SetDeadline(t)
}

func TestAMailThatBreaksOffIsNeverEnded(t *testing.T) {
	// The line breaks in the middle of the content: a final dot or a QUIT after
	// it would make the server deliver half a mail.
	f, _ := start(t, channeltest.SMTPOptions{})
	var broken *breakingConn
	c := email.New(&email.Options{
		TLSConfig: f.TLSConfig(),
		Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
			n, err := (&net.Dialer{}).DialContext(ctx, network, addr)
			broken = &breakingConn{Conn: n, after: 20_000}
			return broken, err
		},
	})
	defer func() { _ = c.Close() }()
	m := sales()
	m.Sections = append(m.Sections, channel.Section{Markdown: strings.Repeat("row\n", 100_000)})
	to := email.To("mail", account(f))
	_, err := c.Send(context.Background(), to, encode(t, c, m, to))
	if e := failure(t, err); e.Outcome != channel.NotSent {
		t.Errorf("Send: %v (%v)", err, e.Outcome)
	}
	f.Close()
	if n := len(f.Messages()); n != 0 {
		t.Errorf("the server has %d mails", n)
	}
	if slices.Contains(f.Commands(), "QUIT") {
		t.Error("QUIT was sent after half a mail")
	}
}

// breakingConn fails writes after a number of bytes, and then lets everything
// through, as a line does that comes back.
type breakingConn struct {
	net.Conn
	after  int
	failed bool
}

func (c *breakingConn) Write(p []byte) (int, error) {
	if c.after -= len(p); c.after < 0 && !c.failed {
		c.failed = true
		return 0, errors.New("the line broke")
	}
	return c.Conn.Write(p)
}

func TestSendKeepsToTheGuard(t *testing.T) {
	f, _ := start(t, channeltest.SMTPOptions{})
	for _, host := range []string{"127.0.0.1", "::1", "::ffff:127.0.0.1", "0.0.0.0", "169.254.169.254", "10.0.0.1"} {
		t.Run(host, func(t *testing.T) {
			c := email.New(&email.Options{TLSConfig: f.TLSConfig()})
			a := account(f)
			a.Host = host
			_, err := send(t, c, email.To("mail", a))
			if e := failure(t, err); e.Outcome != channel.Rejected || !strings.Contains(err.Error(), "channel.Allow") {
				t.Errorf("Send: %v (%v)", err, e.Outcome)
			}
		})
	}
	// What a resolver takes for loopback it may also not know at all.
	for _, host := range []string{"2130706433", "0177.0.0.1", "127.1", "localhost"} {
		t.Run(host, func(t *testing.T) {
			c := email.New(&email.Options{TLSConfig: f.TLSConfig()})
			a := account(f)
			a.Host = host
			_, err := send(t, c, email.To("mail", a))
			if e := failure(t, err); e.Outcome == channel.Unknown {
				t.Errorf("Send: %v (%v)", err, e.Outcome)
			}
		})
	}
	if f.Connections() != 0 {
		t.Error("a connection was made")
	}
}

func TestSendMeetsServersThatAreNone(t *testing.T) {
	t.Run("a refused connection may be tried again", func(t *testing.T) {
		f, c := start(t, channeltest.SMTPOptions{})
		to := email.To("mail", account(f))
		f.Close()
		_, err := send(t, c, to)
		if e := failure(t, err); e.Outcome != channel.NotSent {
			t.Errorf("Send: %v (%v)", err, e.Outcome)
		}
	})
	t.Run("a certificate of an unknown authority may be tried again", func(t *testing.T) {
		f, _ := start(t, channeltest.SMTPOptions{})
		c := email.New(&email.Options{Allow: channel.AllowLoopback()})
		_, err := send(t, c, email.To("mail", account(f)))
		if e := failure(t, err); e.Outcome != channel.NotSent || !strings.Contains(err.Error(), "make a TLS connection") {
			t.Errorf("Send: %v (%v)", err, e.Outcome)
		}
	})
	t.Run("a server that never speaks ends with the time limit", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = l.Close() }()
		c := email.New(&email.Options{Allow: channel.AllowLoopback(), Timeout: 50 * time.Millisecond})
		to := email.To("mail", email.Account{
			Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, TLS: email.ImplicitTLS, From: "a@x.com", To: []string{"b@y.com"},
		})
		_, err = send(t, c, to)
		if e := failure(t, err); e.Outcome != channel.NotSent {
			t.Errorf("Send: %v (%v)", err, e.Outcome)
		}
	})
}

func TestSendPutsTheMessageIDInFront(t *testing.T) {
	f, c := start(t, channeltest.SMTPOptions{})
	to := email.To("mail", account(f))
	p := encode(t, c, sales(), to)
	p.Key = "3f9a0c"
	for range 2 {
		if _, err := c.Send(context.Background(), to, p); err != nil {
			t.Fatalf("Send: %v", err)
		}
	}
	m := f.Messages()
	if d := cmp.Diff(string(m[0].Data), string(m[1].Data)); d != "" {
		t.Errorf("two attempts differ:\n%s", d)
	}
	h, _ := parse(t, m[0].Data)
	if got := h.Get("Message-Id"); got != "<3f9a0c@example.com>" {
		t.Errorf("Message-ID %q", got)
	}
	if n := len(m[0].Data); n > p.Size {
		t.Errorf("%d bytes were sent and Size is %d", n, p.Size)
	}
}
