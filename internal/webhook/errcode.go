package webhook

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// ErrCode reads an answer of the form {"errcode":0,"errmsg":"ok"}, which
// DingTalk and WeCom share. It is false when the body is not one JSON object
// with a whole number as errcode.
func ErrCode(body []byte) (code int64, msg string, ok bool) {
	if string(bytes.TrimSpace(body)) == `{"errcode":0,"errmsg":"ok"}` {
		return 0, "ok", true
	}
	var v struct {
		Code json.RawMessage `json:"errcode"`
		Msg  string          `json:"errmsg"`
	}
	if json.Unmarshal(body, &v) != nil {
		return 0, "", false
	}
	code, err := strconv.ParseInt(string(v.Code), 10, 64)
	return code, v.Msg, err == nil
}
