package teams_test

import (
	"testing"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/channel/teams"
	"github.com/datapush-go/datapush/internal/readback"
)

func TestAMentionThatIsCut(t *testing.T) {
	readback.Uncalled(t, teams.New(nil), channel.Mention{ID: "user042@example.com", Name: "Ann"})
}
