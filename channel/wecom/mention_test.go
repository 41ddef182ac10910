package wecom_test

import (
	"testing"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/channel/wecom"
	"github.com/datapush-go/datapush/internal/readback"
)

func TestAMentionThatIsCut(t *testing.T) {
	readback.Uncalled(t, wecom.New(nil), channel.Mention{ID: "user042"})
}
