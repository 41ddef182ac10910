package task

import (
	"bytes"
	"maps"
	"slices"

	"github.com/datapush-go/datapush/render"
)

// Clone returns a copy that shares no map, slice or pointer with s. Nil stays
// nil and empty stays empty.
func (s Spec) Clone() Spec {
	s.Params = maps.Clone(s.Params)
	s.Outputs = slices.Clone(s.Outputs)
	s.Content.Blocks = cloneEach(s.Content.Blocks, cloneBlock)
	s.Destinations = slices.Clone(s.Destinations)
	return s
}

// Clone returns a copy that shares nothing with t.
func (t Task) Clone() Task {
	t.Draft = t.Draft.Clone()
	t.Pass = t.Pass.Clone()
	return t
}

// Clone returns a copy that shares nothing with p; nil gives nil.
func (p *Pass) Clone() *Pass {
	p = clonePtr(p)
	if p != nil {
		p.Outputs = slices.Clone(p.Outputs)
	}
	return p
}

// Clone returns a copy that shares nothing with v.
func (v Version) Clone() Version {
	v.Spec = v.Spec.Clone()
	v.Warnings = slices.Clone(v.Warnings)
	return v
}

// Clone returns a copy that shares nothing with r.
func (r Run) Clone() Run {
	if r.Draft != nil {
		d := r.Draft.Clone()
		r.Draft = &d
	}
	r.Params = maps.Clone(r.Params)
	r.Warnings = slices.Clone(r.Warnings)
	r.Outputs = slices.Clone(r.Outputs)
	return r
}

// Clone returns a copy that shares nothing with d, the bodies of its parts
// included.
func (d Delivery) Clone() Delivery {
	d.Parts = cloneEach(d.Parts, func(p Part) Part {
		p.Body = bytes.Clone(p.Body)
		p.Receipt = clonePtr(p.Receipt)
		return p
	})
	d.Warnings = slices.Clone(d.Warnings)
	return d
}

func cloneBlock(b render.Block) render.Block {
	b.Markdown = clonePtr(b.Markdown)
	b.Email = clonePtr(b.Email)
	if b.Table = clonePtr(b.Table); b.Table != nil {
		b.Table.Columns = cloneEach(b.Table.Columns, func(c render.Column) render.Column {
			c.Condition = clonePtr(c.Condition)
			return c
		})
	}
	if b.Chart = clonePtr(b.Chart); b.Chart != nil {
		b.Chart.Series = slices.Clone(b.Chart.Series)
	}
	return b
}

// clonePtr copies what p points to, one level deep.
func clonePtr[T any](p *T) *T {
	if p == nil {
		return nil
	}
	c := *p
	return &c
}

func cloneEach[T any](s []T, clone func(T) T) []T {
	s = slices.Clone(s)
	for i := range s {
		s[i] = clone(s[i])
	}
	return s
}
