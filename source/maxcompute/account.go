package maxcompute

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/aliyun/aliyun-odps-go-sdk/odps/account"
	"github.com/aliyun/aliyun-odps-go-sdk/odps/common"

	"github.com/datapush-go/datapush/source"
)

// Credentials are what requests are signed with. They print, log and marshal as
// [redacted].
type Credentials struct {
	AccessKeyID     string
	AccessKeySecret string
	// SecurityToken belongs to temporary credentials. Zero means there is none.
	SecurityToken string
	// Expires is when the credentials end. They are asked for again a minute
	// before. Zero means that only a refusal of the service ends them.
	Expires time.Time
}

const redacted = "[redacted]"

// String returns [redacted].
func (Credentials) String() string { return redacted }

// GoString returns [redacted].
func (Credentials) GoString() string { return redacted }

// LogValue returns [redacted].
func (Credentials) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns [redacted].
func (Credentials) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// keeper keeps credentials and renews them.
type keeper struct {
	get func(ctx context.Context) (Credentials, error)
	// turn is held by who reads or renews; a channel, so that a context can end
	// the wait.
	turn chan struct{}
	// known and number are guarded by turn; current is read without it too, by
	// errors that must not show it.
	current atomic.Pointer[Credentials]
	known   bool
	number  int
}

func newKeeper(get func(ctx context.Context) (Credentials, error)) *keeper {
	return &keeper{get: get, turn: make(chan struct{}, 1)}
}

func (k *keeper) take(ctx context.Context) error {
	select {
	case k.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// credentials returns those to use now, and their number.
func (k *keeper) credentials(ctx context.Context) (Credentials, int, error) {
	if err := k.take(ctx); err != nil {
		return Credentials{}, 0, err
	}
	defer func() { <-k.turn }()
	if c := k.last(); k.known && (c.Expires.IsZero() || time.Until(c.Expires) > time.Minute) {
		return c, k.number, nil
	}
	c, err := k.get(ctx)
	if ctx.Err() != nil {
		return Credentials{}, 0, ctx.Err()
	}
	if err != nil {
		// Its text is the host's, and may hold what it should not.
		return Credentials{}, 0, &failure{kind: source.Denied, err: errors.New("Options.Credentials returned an error")}
	}
	if c.AccessKeyID == "" || c.AccessKeySecret == "" {
		return Credentials{}, 0, &failure{kind: source.Denied, err: errors.New("Options.Credentials returned no access key")}
	}
	k.current.Store(&c)
	k.known = true
	k.number++
	return c, k.number, nil
}

// forget drops credentials that the service refused, unless newer ones have
// come.
func (k *keeper) forget(ctx context.Context, number int) {
	if k.take(ctx) != nil {
		return
	}
	if k.number == number {
		k.known = false
	}
	<-k.turn
}

// last returns what was used last, without asking for more.
func (k *keeper) last() Credentials {
	if c := k.current.Load(); c != nil {
		return *c
	}
	return Credentials{}
}

// signer signs one query's requests for the SDK, and remembers with what.
type signer struct {
	keeper *keeper
	region string
	used   int
}

// GetType is part of the SDK's interface.
func (s *signer) GetType() account.Provider { return account.Aliyun }

// SignRequest signs with version 4 where there is a region, else with version 1.
// The text is the same in both, and so is the last step: version 4 takes a key
// made for the day, the region and the service, and says so in the ID.
func (s *signer) SignRequest(req *http.Request, endpoint string) error {
	c, number, err := s.keeper.credentials(req.Context())
	if err != nil {
		return err
	}
	s.used = number
	id, key := c.AccessKeyID, c.AccessKeySecret
	if s.region != "" {
		day := time.Now().UTC()
		if t, err := time.Parse(time.RFC1123, req.Header.Get(common.HttpHeaderDate)); err == nil {
			day = t.UTC()
		}
		key = "aliyun_v4" + key
		for _, part := range []string{day.Format("20060102"), s.region, "odps", "aliyun_v4_request"} {
			h := hmac.New(sha256.New, []byte(key))
			h.Write([]byte(part))
			id, key = id+"/"+part, string(h.Sum(nil))
		}
	}
	if err := account.NewAliyunAccount(id, key).SignRequest(req, endpoint); err != nil {
		return err
	}
	if c.SecurityToken != "" {
		req.Header.Set(common.HttpHeaderAuthorizationSTSToken, c.SecurityToken)
	}
	return nil
}
