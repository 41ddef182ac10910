package main

import (
	"path/filepath"
	"testing"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/channel/channeltest"
)

func TestTheSpoolKeepsTheChannelContract(t *testing.T) {
	channeltest.Test(t, func(t *testing.T) channeltest.Harness {
		dir := t.TempDir()
		return channeltest.Harness{
			Channel: Spool{},
			To:      channel.Destination{Name: "kiosk", Kind: Kind, Options: map[string]string{OptionDir: dir}},
			Refused: channel.Destination{Name: "gone", Kind: Kind, Options: map[string]string{OptionDir: filepath.Join(dir, "gone")}},
			Received: func() int {
				files, err := filepath.Glob(filepath.Join(dir, "*.txt"))
				if err != nil {
					t.Fatal(err)
				}
				return len(files)
			},
		}
	})
}

func Example() {
	main()
	// Output:
	// Visitors today
	//
	// 1234 people came.
}
