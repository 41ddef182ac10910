package version_test

import (
	"fmt"
	"testing"

	"github.com/datapush-go/datapush/version"
)

func TestEachStatusOffersItsActions(t *testing.T) {
	actions := []version.Action{version.Publish, version.Abandon, version.Manage, version.Unpublish, version.Details, version.Rollback}
	for _, c := range []struct {
		status version.Status
		offers []version.Action
	}{
		{version.CanBePublished, []version.Action{version.Publish, version.Abandon, version.Details, version.Rollback}},
		{version.Published, []version.Action{version.Manage, version.Unpublish, version.Details, version.Rollback}},
		{version.OffLine, []version.Action{version.Details, version.Rollback}},
		{version.Abandoned, []version.Action{version.Details, version.Rollback}},
		{"", nil},
		{"deprecated", nil},
	} {
		offers := make(map[version.Action]bool)
		for _, a := range c.offers {
			offers[a] = true
		}
		for _, a := range append(actions, "", "delete") {
			if got, want := c.status.Allows(a), offers[a]; got != want {
				t.Errorf("%q allows %q: %v, want %v", c.status, a, got, want)
			}
		}
	}
}

func TestStatusesAreListedInTheOrderOfAVersionsLife(t *testing.T) {
	got := fmt.Sprint(version.Statuses())
	if want := "[can-be-published published off-line abandoned]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	version.Statuses()[0] = ""
	if version.Statuses()[0] != version.CanBePublished {
		t.Error("a caller changed the list")
	}
}

func ExampleStatus_Allows() {
	for _, s := range version.Statuses() {
		fmt.Printf("%s: publish %v, roll back %v\n", s, s.Allows(version.Publish), s.Allows(version.Rollback))
	}
	// Output:
	// can-be-published: publish true, roll back true
	// published: publish false, roll back true
	// off-line: publish false, roll back true
	// abandoned: publish false, roll back true
}
