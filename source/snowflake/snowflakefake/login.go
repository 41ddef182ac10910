package snowflakefake

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

type session struct {
	Session
	token, master string
	expired, gone bool
	sequence      uint64
}

// known are the parameters that a session may be given here. The last ones are
// those that answers tell: a driver may give them back.
var known = map[string]bool{
	"CLIENT_VALIDATE_DEFAULT_PARAMETERS": true, "CLIENT_TELEMETRY_ENABLED": true, "CLIENT_SESSION_KEEP_ALIVE": true,
	"CLIENT_SESSION_KEEP_ALIVE_HEARTBEAT_FREQUENCY": true, "GO_QUERY_RESULT_FORMAT": true, "STATEMENT_TIMEOUT_IN_SECONDS": true,
	"STATEMENT_QUEUED_TIMEOUT_IN_SECONDS": true, "QUERY_TAG": true, "TIMEZONE": true, "ROWS_PER_RESULTSET": true,
	"ABORT_DETACHED_QUERY":    true,
	"CLIENT_PREFETCH_THREADS": true, "AUTOCOMMIT": true, "BINARY_OUTPUT_FORMAT": true,
}

type loginRequest struct {
	Data struct {
		ClientAppID       string         `json:"CLIENT_APP_ID"`
		ClientAppVersion  string         `json:"CLIENT_APP_VERSION"`
		SvnRevision       string         `json:"SVN_REVISION"`
		AccountName       string         `json:"ACCOUNT_NAME"`
		LoginName         string         `json:"LOGIN_NAME"`
		Password          string         `json:"PASSWORD"`
		Authenticator     string         `json:"AUTHENTICATOR"`
		Token             string         `json:"TOKEN"`
		SessionParameters map[string]any `json:"SESSION_PARAMETERS"`
		ClientEnvironment map[string]any `json:"CLIENT_ENVIRONMENT"`
	} `json:"data"`
}

func (s *Server) login(w http.ResponseWriter, r *http.Request) {
	var in loginRequest
	if err := body(r, &in); err != nil {
		s.refuse(w, r, "the login cannot be read: %v", err)
		return
	}
	d, q := in.Data, r.URL.Query()
	switch {
	case r.Header.Get("Authorization") != "":
		s.refuse(w, r, "a login with a token")
		return
	case d.ClientAppID == "" || d.ClientAppVersion == "" || len(d.ClientEnvironment) == 0:
		s.refuse(w, r, "the client does not name itself")
		return
	}
	params := map[string]string{}
	for name, v := range d.SessionParameters {
		if !known[name] {
			s.refuse(w, r, "the session parameter %s is not known", name)
			return
		}
		params[name] = fmt.Sprint(v)
	}
	if !strings.EqualFold(d.AccountName, s.o.Account) {
		w.WriteHeader(http.StatusForbidden) // what an unknown account's address gives is a guess
		return
	}
	keyPair := false
	switch d.Authenticator {
	case "":
		s.mu.Lock()
		right := s.o.Password
		s.mu.Unlock()
		if !strings.EqualFold(d.LoginName, s.o.User) || d.Password != right || d.Token != "" {
			sendError(w, "390100", "Incorrect username or password was specified.", map[string]any{"nextAction": "RETRY_LOGIN"})
			return
		}
	case "SNOWFLAKE_JWT":
		if why := s.verify(d.Token); why != "" || d.Password != "" {
			// The real service keeps the reason to itself, too.
			sendError(w, "390144", "JWT token is invalid. ["+secret("")+"]", map[string]any{"nextAction": "RETRY_LOGIN"})
			return
		}
		keyPair = true
	default:
		s.refuse(w, r, "the authenticator %s is not known", d.Authenticator)
		return
	}
	if params["CLIENT_VALIDATE_DEFAULT_PARAMETERS"] != "false" {
		for _, n := range []struct{ param, have, code, text string }{
			{"databaseName", s.o.Database, "390201", "The requested database does not exist or not authorized."},
			{"schemaName", s.o.Schema, "390201", "The requested schema does not exist or not authorized."},
			{"warehouse", s.o.Warehouse, "390201", "The requested warehouse does not exist or not authorized."},
			{"roleName", s.o.Role, "390189", "Role '" + q.Get("roleName") + "' specified in the connect string does not exist or not authorized. Contact your local system administrator, or attempt to login with another role, e.g. PUBLIC."},
		} {
			if v := q.Get(n.param); v != "" && !strings.EqualFold(v, n.have) {
				sendError(w, n.code, n.text, nil)
				return
			}
		}
	}
	if params["TIMEZONE"] == "" {
		params["TIMEZONE"] = s.o.Zone
	}
	if _, err := time.LoadLocation(params["TIMEZONE"]); err != nil {
		sendError(w, "390198", "Invalid session parameter TIMEZONE", nil) // a guess
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t := &session{Session: Session{ID: int64(len(s.sessions) + 1), KeyPair: keyPair, Parameters: params, Warehouse: strings.ToUpper(q.Get("warehouse")), Role: strings.ToUpper(q.Get("roleName"))}}
	if t.Role == "" {
		t.Role = s.o.Role
	}
	s.sessions[t.ID] = t
	s.give(t)
	send(w, reply{Success: true, Data: map[string]any{
		"token": t.token, "masterToken": t.master, "validityInSeconds": 3600, "masterValidityInSeconds": 14400, "displayUserName": s.o.User,
		"serverVersion": "9.0.0", "firstLogin": false, "healthCheckInterval": 45, "sessionId": t.ID, "parameters": t.told(),
		"sessionInfo": map[string]any{"databaseName": s.o.Database, "schemaName": s.o.Schema, "warehouseName": t.Warehouse, "roleName": t.Role},
	}})
}

// told are the parameters that answers name.
func (t *session) told() []map[string]any {
	return []map[string]any{
		{"name": "TIMEZONE", "value": t.Parameters["TIMEZONE"]}, {"name": "CLIENT_PREFETCH_THREADS", "value": 4},
		{"name": "AUTOCOMMIT", "value": true}, {"name": "BINARY_OUTPUT_FORMAT", "value": "HEX"},
	}
}

// give makes new tokens for a session; the server is locked.
func (s *Server) give(t *session) {
	t.token, t.master, t.expired = secret("ver:3-hint:1-"), secret("ver:3-hint:2-"), false
	s.tokens[t.token], s.masters[t.master] = t, t
}

// verify says why a key pair's token is not accepted, or "".
func (s *Server) verify(token string) string {
	parts := strings.Split(token, ".")
	if s.o.PublicKey == nil || len(parts) != 3 {
		return "no key, or no token"
	}
	var raw [3][]byte
	for i := range parts {
		b, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil {
			return "not base64"
		}
		raw[i] = b
	}
	var head struct{ Alg, Typ string }
	var claims struct {
		Iss, Sub string
		Iat, Exp int64
	}
	if json.Unmarshal(raw[0], &head) != nil || json.Unmarshal(raw[1], &claims) != nil || head.Alg != "RS256" {
		return "no token of RS256"
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if rsa.VerifyPKCS1v15(s.o.PublicKey, crypto.SHA256, sum[:], raw[2]) != nil {
		return "a wrong signature"
	}
	der, err := x509.MarshalPKIXPublicKey(s.o.PublicKey)
	if err != nil {
		return "a key that cannot be written"
	}
	print := sha256.Sum256(der)
	subject := strings.ToUpper(s.o.Account + "." + s.o.User)
	now := s.o.Now()
	switch {
	case claims.Sub != subject:
		return "another subject"
	case claims.Iss != subject+".SHA256:"+base64.StdEncoding.EncodeToString(print[:]):
		return "another issuer"
	case claims.Iat == 0 || time.Unix(claims.Iat, 0).After(now.Add(time.Minute)):
		return "issued in the future"
	case !time.Unix(claims.Exp, 0).After(now) || claims.Exp-claims.Iat > 3600:
		return "expired, or valid for more than an hour"
	}
	return ""
}

// session finds the session of a request's token, or answers that there is none.
func (s *Server) session(w http.ResponseWriter, r *http.Request) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tokens[presented(r)]
	switch {
	case t == nil:
		sendError(w, "390104", "Authentication token not found.", nil) // a guess
	case t.gone || t.Closed:
		sendError(w, "390111", "Session no longer exists. New login required to access the service.", nil)
	case t.expired || t.token != presented(r):
		sendError(w, "390112", "Authentication token has expired.  The user must authenticate again.", nil)
	default:
		return t
	}
	return nil
}

func presented(r *http.Request) string {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), `Snowflake Token="`)
	token, ok2 := strings.CutSuffix(token, `"`)
	if !ok || !ok2 {
		return ""
	}
	return token
}

func (s *Server) renew(w http.ResponseWriter, r *http.Request) {
	var in struct{ OldSessionToken, RequestType string }
	if err := body(r, &in); err != nil || in.RequestType != "RENEW" {
		s.refuse(w, r, "the request for a token cannot be read")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.masters[presented(r)]
	switch {
	case t == nil || s.tokens[in.OldSessionToken] != t:
		sendError(w, "390114", "Authentication token has expired.  The user must authenticate again.", nil)
		return
	case t.gone || t.Closed:
		sendError(w, "390111", "Session no longer exists. New login required to access the service.", nil)
		return
	}
	t.Renewals++
	s.give(t)
	send(w, reply{Success: true, Data: map[string]any{
		"sessionToken": t.token, "validityInSecondsST": 3600, "masterToken": t.master, "validityInSecondsMT": 14400, "sessionId": t.ID,
	}})
}

func (s *Server) delete(w http.ResponseWriter, r *http.Request) {
	t := s.session(w, r)
	if t == nil {
		return
	}
	s.mu.Lock()
	t.Closed = true
	for _, j := range s.jobs {
		if j.Session == t.ID && !j.ended {
			j.end("aborted", &failure{"000604", "57014", "SQL execution canceled"})
		}
	}
	s.mu.Unlock()
	send(w, reply{Success: true})
}
