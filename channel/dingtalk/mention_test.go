package dingtalk_test

import (
	"testing"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/channel/dingtalk"
	"github.com/datapush-go/datapush/internal/readback"
)

func TestAMentionThatIsCut(t *testing.T) {
	readback.Uncalled(t, dingtalk.New(nil), channel.Mention{ID: "user042"})
}
