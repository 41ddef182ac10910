package markdown_test

import (
	"testing"

	"github.com/datapush-go/datapush/internal/markdown"
)

func TestPhone(t *testing.T) {
	for _, tt := range []struct {
		in, want string
		ok       bool
	}{
		{"13800000000", "13800000000", true},
		{"138 0000 0000", "13800000000", true},
		{"138-0000-0000", "13800000000", true},
		{" (0571) 8502.2088", "057185022088", true},
		{"+8613800000000", "+8613800000000", true},
		{"+86 138 0000 0000", "+8613800000000", true},
		{"+86-138-0000-0000", "+86-13800000000", true},
		{"", "", false},
		{"+", "+", false},
		{"-", "", false},
		{"138x", "138", false},
		{"138,139", "138139", false},
		{"138\n139", "138139", false},
		{"+1+1", "+11", false},
		{"123456789012345678901", "123456789012345678901", false},
	} {
		if got, ok := markdown.Phone(tt.in); ok != tt.ok || ok && got != tt.want {
			t.Errorf("Phone(%q) = %q, %v, want %q, %v", tt.in, got, ok, tt.want, tt.ok)
		}
	}
}
