package email_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/channel/email"
)

func TestToFillsTheDocumentedKeys(t *testing.T) {
	got := email.To("mail", email.Account{
		Host: "smtp.example.com", Port: 587, TLS: email.STARTTLS, Auth: email.Plain, User: "u", Password: channel.NewSecret(canary),
		From: "f@example.com", Nickname: "n", To: []string{"a@x.com", "b@y.com,c@z.com"}, Cc: []string{"d@x.com"}, Bcc: []string{"e@x.com"},
		ReplyTo: []string{"r@x.com"}, DropRefused: true, RemoteImages: true, Unsubscribe: "mailto:u@x.com", Helo: "me.example.com",
		Rates: []channel.Rate{{N: 30, Per: time.Minute}, {N: 500, Per: 24 * time.Hour}},
	})
	want := map[string]string{
		"host": "smtp.example.com", "port": "587", "tls": "starttls", "auth": "plain", "user": "u", "from": "f@example.com",
		"nickname": "n", "to": "a@x.com, b@y.com,c@z.com", "cc": "d@x.com", "bcc": "e@x.com", "replyTo": "r@x.com",
		"refused": "drop", "images": "remote", "unsubscribe": "mailto:u@x.com", "helo": "me.example.com", "rates": "30/1m0s,500/24h0m0s",
	}
	if d := cmp.Diff(want, got.Options); d != "" {
		t.Errorf("options (-want +got):\n%s", d)
	}
	if got.Secrets["password"].Reveal() != canary || got.Kind != channel.Email || got.Name != "mail" {
		t.Errorf("%v", got)
	}
	if s := fmt.Sprintf("%v %+v %#v", got, got, got); strings.Contains(s, canary) {
		t.Errorf("the password prints: %s", s)
	}
	if err := email.New(nil).Check(got); err != nil {
		t.Errorf("Check: %v", err)
	}
}

func TestCheckReportsEveryMistakeAtOnce(t *testing.T) {
	d := email.To("mail", email.Account{
		Port: 99999, TLS: "ssl", Auth: "ntlm", Password: channel.NewSecret(canary),
		To: []string{"a@x.com", "b at y.com"}, Cc: []string{"@"}, Unsubscribe: "ftp://x", Helo: "a b",
		Rates: []channel.Rate{{}},
	})
	d.Options["subject"] = "x"
	d.Options["images"] = "all"
	d.Options["refused"] = "keep"
	d.Secrets["token"] = channel.NewSecret(canary)
	err := email.New(nil).Check(d)
	if err == nil {
		t.Fatal("Check found nothing")
	}
	for _, s := range []string{
		`destination "mail"`, `option "host": missing`, `option "port": "99999"`, `option "tls": "ssl"`, `option "auth": "ntlm"`,
		`option "from": missing`, `option "to": entry 2, "b at y.com"`, `option "cc": entry 1, "@"`, `option "unsubscribe"`,
		`option "helo": "a b"`, `option "rates": "0/0s"`, `option "subject": unknown`, `option "images": "all"`,
		`option "refused": "keep"`, `secret "token": unknown`, `option "user": missing`,
	} {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("the error does not say %s", s)
		}
	}
	if strings.Contains(err.Error(), canary) {
		t.Error("the error shows a secret")
	}
}

func TestCheckJudgesOneField(t *testing.T) {
	good := email.Account{Host: "smtp.example.com", From: "f@example.com", To: []string{"a@x.com"}}
	cases := []struct {
		name   string
		change func(*email.Account)
		want   string
	}{
		{"a minimal account is fine", func(*email.Account) {}, ""},
		{"a host with a port", func(a *email.Account) { a.Host = "smtp.example.com:465" }, `option "host"`},
		{"a host that is an address", func(a *email.Account) { a.Host = "http://x" }, `option "host"`},
		{"an IPv6 host is fine", func(a *email.Account) { a.Host = "2001:db8::1" }, ""},
		{"no receiver", func(a *email.Account) { a.To = []string{" , "} }, `option "to": no receiver`},
		{"blind copies alone are fine", func(a *email.Account) { a.To, a.Bcc = nil, []string{"a@x.com"} }, ""},
		{"names with commas are fine", func(a *email.Account) { a.To = []string{`"Doe, Jane" <j@x.com>; b@y.com，c@z.com`} }, ""},
		{"a header in an address", func(a *email.Account) { a.To = []string{"a@x.com\r\nBcc: b@y.com"} }, `"Bcc: b@y.com"`},
		{"two senders", func(a *email.Account) { a.From = "a@x.com, b@x.com" }, `option "from": one address`},
		{"a user that is an address is the sender", func(a *email.Account) {
			a.From, a.User, a.Password = "", "u@x.com", channel.NewSecret(canary)
		}, ""},
		{"a user without a password", func(a *email.Account) { a.User = "u" }, `secret "password": missing`},
		{"a redacted password stands for the stored one", func(a *email.Account) {
			a.User, a.Password = "u", channel.NewSecret(channel.Redacted)
		}, ""},
		{"a token in clear text", func(a *email.Account) {
			a.User, a.Password, a.Auth, a.TLS = "u", channel.NewSecret(canary), email.XOAUTH2, email.NoTLS
		}, "clear text"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			a := good
			tc.change(&a)
			err := email.New(nil).Check(email.To("mail", a))
			switch {
			case tc.want == "" && err != nil:
				t.Errorf("Check: %v", err)
			case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
				t.Errorf("Check: %v, want %s", err, tc.want)
			}
		})
	}
}

func TestLimitsAreTheAccounts(t *testing.T) {
	rate := []channel.Rate{{N: 30, Per: time.Minute}}
	a := email.Account{Host: "smtp.example.com", User: "u@example.com", From: "f@example.com", To: []string{"a@x.com"}}
	c := email.New(&email.Options{Rates: rate})
	first := c.Limits(email.To("one", a))
	if d := cmp.Diff(rate, first.Rates); d != "" {
		t.Errorf("rates (-want +got):\n%s", d)
	}
	same := a
	same.To, same.Host, same.Rates = []string{"z@x.com"}, "SMTP.example.com", []channel.Rate{{N: 1, Per: time.Hour}}
	got := c.Limits(email.To("two", same))
	if got.Budget != first.Budget || first.Budget == "" {
		t.Errorf("one account has the budgets %q and %q", first.Budget, got.Budget)
	}
	if d := cmp.Diff(same.Rates, got.Rates); d != "" {
		t.Errorf("rates (-want +got):\n%s", d)
	}
	other := a
	other.User = "v@example.com"
	if c.Limits(email.To("three", other)).Budget == first.Budget {
		t.Error("two accounts share a budget")
	}
	if l := c.Limits(channel.Destination{}); l.Budget != "" {
		t.Errorf("a destination without an address has the budget %q", l.Budget)
	}
}

func FuzzAddresses(f *testing.F) {
	for _, s := range []string{"a@x.com", "a@x.com,b@y.com", `"a,b" <a@x.com>; c@z.com`, "用户@例子.中国", "\"", "<", "a@[1.2.3.4]", "=?utf-8?q?x?= <a@b.c>"} {
		f.Add(s)
	}
	c := email.New(nil)
	f.Fuzz(func(t *testing.T, s string) {
		d := email.To("mail", email.Account{Host: "h", From: "f@example.com", To: []string{s}, Cc: []string{s}})
		if c.Check(d) != nil {
			return
		}
		ps, err := c.Encode(sales(), d)
		if err != nil {
			t.Fatalf("Check is content and Encode is not: %v", err)
		}
		for line := range strings.SplitSeq(string(ps[0].Body), "\r\n") {
			if line == "" {
				break
			}
			if len(line) > 998 || strings.ContainsAny(line, "\r\n") {
				t.Errorf("the address makes the line %q", line)
			}
		}
		h, _ := parse(t, ps[0].Body)
		if _, err := h.AddressList("To"); err != nil {
			t.Errorf("net/mail cannot read %q: %v", h.Get("To"), err)
		}
	})
}
