package main

import (
	"database/sql"
	"errors"
	"time"
	_ "time/tzdata" // a bare machine may have no zones

	"github.com/datapush-go/datapush"
	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/channel/channeltest"
	"github.com/datapush-go/datapush/channel/dingtalk"
	"github.com/datapush-go/datapush/channel/email"
	"github.com/datapush-go/datapush/channel/lark"
	"github.com/datapush-go/datapush/channel/teams"
	"github.com/datapush-go/datapush/channel/wecom"
	"github.com/datapush-go/datapush/schedule/scheduletest"
	"github.com/datapush-go/datapush/source"
	"github.com/datapush-go/datapush/source/sqlite"
)

// What the five vendors and their client share. In a host these come from its
// configuration.
const (
	token        = "0123456789abcdef"
	dingTalkSign = "SEC0123456789abcdef"
	larkSign     = "lark-signing-secret"
	keyword      = "Sales"
	mailUser     = "report@example.com"
	mailPassword = "mail-password"
)

// world is everything around the Pusher: a clock, a database, five vendors.
type world struct {
	clock *scheduletest.Clock
	zone  *time.Location
	db    *sql.DB
	sales *sqlite.Source
	mail  *email.Channel

	dingtalk *channeltest.DingTalk
	lark     *channeltest.Lark
	wecom    *channeltest.WeCom
	teams    *channeltest.Teams
	smtp     *channeltest.SMTP

	// edit and wrap let the tests spoil one thing at a time: a destination before
	// it is saved, a channel before it is used.
	edit func(*channel.Destination)
	wrap func(channel.Channel) channel.Channel
}

const table = `
CREATE TABLE sales(id INTEGER, department TEXT, revenue DECIMAL(10,2), ds TEXT);
INSERT INTO sales VALUES
	(1, 'Department 1', 12000.00, '20240101'), (2, 'Department 2', 21000.00, '20240101'), (3, 'Department 3',  5000.00, '20240101'),
	(1, 'Department 1', 11000.00, '20240102'), (2, 'Department 2', 20000.00, '20240102'), (3, 'Department 3', 10000.00, '20240102');`

func newWorld() (*world, error) {
	zone, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		return nil, err
	}
	w := &world{zone: zone, clock: scheduletest.NewClock(time.Date(2024, 1, 2, 18, 0, 0, 0, zone))}
	if w.db, err = sql.Open("sqlite", ":memory:"); err != nil {
		return nil, err
	}
	w.db.SetMaxOpenConns(1) // each connection to :memory: is a database of its own
	if _, err := w.db.Exec(table); err != nil {
		return nil, errors.Join(err, w.db.Close())
	}
	w.sales = sqlite.New(w.db, nil)

	now := w.clock.Now
	w.dingtalk = channeltest.NewDingTalk(&channeltest.DingTalkOptions{Now: now, Robots: map[string]channeltest.DingTalkRobot{
		token: {Secret: dingTalkSign, Keywords: []string{keyword}},
	}})
	w.lark = channeltest.NewLark(&channeltest.LarkOptions{Now: now, Bots: map[string]channeltest.LarkBot{token: {Secret: larkSign}}})
	w.wecom = channeltest.NewWeCom(&channeltest.WeComOptions{Now: now, Keys: []string{token}})
	w.teams = channeltest.NewTeams(&channeltest.TeamsOptions{Now: now})
	w.smtp = channeltest.NewSMTP(&channeltest.SMTPOptions{
		Security: channeltest.SMTPImplicitTLS, Users: map[string]string{mailUser: mailPassword},
	})
	w.mail = email.New(&email.Options{Allow: channel.AllowLoopback(), TLSConfig: w.smtp.TLSConfig(), Now: now})
	return w, nil
}

func (w *world) Close() error {
	err := errors.Join(w.mail.Close(), w.sales.Close(), w.db.Close())
	w.dingtalk.Close()
	w.lark.Close()
	w.wecom.Close()
	w.teams.Close()
	w.smtp.Close()
	return err
}

// config composes the Pusher. The channels may reach loopback because it is
// opened here by name; by default they may not.
func (w *world) config() datapush.Config {
	now, local := w.clock.Now, channel.AllowLoopback()
	channels := []channel.Channel{
		dingtalk.New(&dingtalk.Options{Now: now, Allow: local}),
		lark.New(&lark.Options{Now: now, Allow: local}),
		wecom.New(&wecom.Options{Now: now, Allow: local}),
		teams.New(&teams.Options{Now: now, Allow: local}),
		w.mail,
	}
	if w.wrap != nil {
		for i, c := range channels {
			channels[i] = w.wrap(c)
		}
	}
	return datapush.Config{
		Sources:  map[string]source.Source{"sales": w.sales},
		Channels: channels,
		Clock:    w.clock,
	}
}

// destinations are where the report goes.
func (w *world) destinations() []channel.Destination {
	ding := channel.Webhook("dingtalk", channel.DingTalk, w.dingtalk.URL(token))
	ding.Secrets = map[string]channel.Secret{dingtalk.SecretSign: channel.NewSecret(dingTalkSign)}
	ding.Options = map[string]string{dingtalk.OptionKeyword: keyword}
	feishu := channel.Webhook("lark", channel.Lark, w.lark.URL(token))
	feishu.Secrets = map[string]channel.Secret{lark.SecretSign: channel.NewSecret(larkSign)}
	ds := []channel.Destination{
		ding,
		feishu,
		channel.Webhook("wecom", channel.WeCom, w.wecom.URL(token)),
		channel.Webhook("teams", channel.Teams, w.teams.URL(token)),
		email.To("mail", email.Account{
			Host: w.smtp.Host(), Port: w.smtp.Port(), TLS: email.ImplicitTLS,
			User: mailUser, Password: channel.NewSecret(mailPassword),
			Nickname: "Sales desk", To: []string{"ann@example.com, ben@example.com"},
		}),
	}
	if w.edit != nil {
		for i := range ds {
			w.edit(&ds[i])
		}
	}
	return ds
}
