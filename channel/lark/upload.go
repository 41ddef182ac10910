package lark

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/internal/picture"
	"github.com/datapush-go/datapush/internal/webhook"
)

// What Lark takes of a picture
// (https://open.larkoffice.com/document/uAjLw4CM/ukTMukTMukTM/reference/im-v1/image/create.md,
// read 2026-11-23): up to 10 MB, here under both meanings of MB, and so many
// pixels on a side, fewer of a GIF.
const (
	pictureBytes = 10_000_000
	pictureSide  = 12_000
	gifSide      = 2_000
)

// keepPicture is how long an image key is used for the same picture again, so
// that destinations and attempts share one upload.
const keepPicture = time.Hour

// tokenMargin is how long before its end a token is fetched anew. The vendor
// gives a new one in the last half hour of the old one
// (https://open.feishu.cn/document/server-docs/authentication-management/access-token/tenant_access_token_internal,
// read 2026-11-23).
const tokenMargin = 10 * time.Minute

// app is a destination's app.
type app struct {
	c        *Channel
	base     string // what stands before "/open-apis/" in addresses
	id       string
	secret   string
	identity [sha256.Size]byte
}

// app is nil when the destination has no app, or no address that says where its
// API is.
func (c *Channel) app(to channel.Destination) *app {
	id, secret := strings.TrimSpace(to.Options[OptionApp]), strings.TrimSpace(to.Secrets[SecretApp].Reveal())
	if id == "" || secret == "" {
		return nil
	}
	base, _, ok := strings.Cut(endpoint(to), "/open-apis/")
	if u, err := url.Parse(endpoint(to)); !ok {
		if err != nil || u.Host == "" {
			return nil
		}
		base = (&url.URL{Scheme: u.Scheme, User: u.User, Host: u.Host}).String()
	}
	return &app{c, base, id, secret, sha256.Sum256([]byte(base + "\x00" + id + "\x00" + secret))}
}

// pictureError is about one picture; another one may do better.
type pictureError string

func (e pictureError) Error() string { return string(e) }

// upload gives a picture to Lark once for all callers and returns its image
// key.
func (a *app) upload(ctx context.Context, i *channel.Image) (string, error) {
	info, ok := picture.Read(i.Data)
	side := pictureSide
	if info.Type == picture.GIF {
		side = gifSide
	}
	switch {
	case len(i.Data) > pictureBytes:
		return "", pictureError("it is larger than the 10 MB that Lark takes")
	case !ok:
		return "", pictureError("its bytes are no PNG, JPEG, GIF or WebP")
	case info.Width > side || info.Height > side:
		return "", pictureError(fmt.Sprintf("it is %d by %d pixels, and Lark takes %d by %d", info.Width, info.Height, side, side))
	}
	h := sha256.New()
	h.Write(a.identity[:])
	h.Write(i.Data)
	return a.c.keys.get(ctx, [sha256.Size]byte(h.Sum(nil)), func(ctx context.Context) (string, time.Duration, error) {
		key, err := a.send(ctx, i.Data, "picture"+info.Ext)
		return key, keepPicture, err
	})
}

// send posts a picture. A token that was withdrawn before its time is replaced
// once.
func (a *app) send(ctx context.Context, data []byte, name string) (string, error) {
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	part, err := w.CreateFormFile("image", name)
	if err == nil {
		_, err = part.Write(data)
	}
	if err == nil {
		err = w.WriteField("image_type", "message")
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return "", err
	}
	r := webhook.Request{URL: a.base + "/open-apis/im/v1/images", Type: w.FormDataContentType(), Body: form.Bytes(), Owned: true}
	for again := true; ; again = false {
		token, err := a.c.tokens.get(ctx, a.identity, a.token)
		if err != nil {
			return "", err
		}
		r.Bearer, r.Secrets = token, []string{a.secret, token}
		ans, err := a.c.http.Post(ctx, r)
		if err != nil {
			return "", err
		}
		code, msg, ok := answer(ans.Body)
		var v struct {
			Data struct {
				Key string `json:"image_key"`
			}
		}
		switch {
		case (ans.Status == http.StatusUnauthorized || code == badToken) && again:
			a.c.tokens.drop(a.identity, token)
			continue
		case code == "0" && json.Unmarshal(ans.Body, &v) == nil && imageKey(v.Data.Key) != "":
			return v.Data.Key, nil
		}
		// What the answer says is masked against the secrets. The picture itself
		// is no text that an answer could repeat.
		r.Body = nil
		err = a.refused(r, ans, code, msg, ok)
		if pictureCodes[code] {
			err = pictureError(reason(err))
		}
		return "", err
	}
}

// badToken says that a token is not, or no longer, valid
// (https://open.larkoffice.com/document/server-docs/api-call-guide/generic-error-code.md,
// read 2026-11-23).
const badToken = "99991663"

// pictureCodes are refusals of a picture itself
// (https://open.larkoffice.com/document/uAjLw4CM/ukTMukTMukTM/reference/im-v1/image/create.md,
// read 2026-11-23).
var pictureCodes = map[string]bool{"234001": true, "234006": true, "234010": true, "234011": true, "234039": true}

// token fetches a tenant access token and says how long to keep it.
func (a *app) token(ctx context.Context) (string, time.Duration, error) {
	body, err := json.Marshal(map[string]string{"app_id": a.id, "app_secret": a.secret})
	if err != nil {
		return "", 0, err
	}
	r := webhook.Request{URL: a.base + "/open-apis/auth/v3/tenant_access_token/internal", Secrets: []string{a.secret}, Body: body, Owned: true}
	ans, err := a.c.http.Post(ctx, r)
	if err != nil {
		return "", 0, err
	}
	code, msg, ok := answer(ans.Body)
	var v struct {
		Token  string `json:"tenant_access_token"`
		Expire int64  // seconds
	}
	if code != "0" || json.Unmarshal(ans.Body, &v) != nil || !plainToken(v.Token) {
		if v.Token != "" {
			r.Secrets = append(r.Secrets, v.Token)
		}
		return "", 0, a.refused(r, ans, code, msg, ok)
	}
	life := time.Duration(min(max(v.Expire, 0), 24*3600)) * time.Second
	return v.Token, life - min(tokenMargin, life/2), nil
}

// plainToken reports whether s can stand in a header.
func plainToken(s string) bool {
	return s != "" && strings.Trim(s, "!#$%&'*+-./0123456789:=?@ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~") == ""
}

// refused is the error for an answer without what was asked for.
func (a *app) refused(r webhook.Request, ans *webhook.Answer, code, msg string, ok bool) error {
	if !ok {
		return a.c.http.Error(r, channel.Unknown, "HTTP "+strconv.Itoa(ans.Status), "the answer is not Lark's; something in between probably answered, a proxy or a sign-in page", 0)
	}
	if code == "0" {
		code, msg = "", "the answer lacks what was asked for"
	}
	if s := appRemedies[code]; s != "" {
		msg += ": " + s
	}
	return a.c.http.Error(r, channel.Rejected, code, msg, 0)
}

// appRemedies say what to do about a refusal of the app.
var appRemedies = map[string]string{
	"10003":    "correct the app's id and secret",
	"10014":    "correct the app's secret",
	"234002":   "give the app the scope im:resource",
	"234007":   "turn on the app's bot ability",
	"99991672": "give the app the scope im:resource",
	"99991400": "the app uploads more than 50 pictures a second or 1000 a minute",
}

// reason is an error's text without the operation, whose name is that of
// sending.
func reason(err error) string {
	var e *channel.Error
	switch {
	case !errors.As(err, &e):
		return err.Error()
	case e.Code == "" && e.Err != nil:
		return e.Err.Error()
	case e.Err == nil:
		return "code " + e.Code
	}
	return "code " + e.Code + ": " + e.Err.Error()
}
