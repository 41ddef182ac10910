package memstore

// entry is an element of a queue. It knows its own place there, so that it can
// be moved and removed in logarithmic time.
type entry[T any] interface {
	// before is a strict order.
	before(T) bool
	// place is the entry's slot plus one; zero when it is not queued.
	place() *int
}

// queue is a binary heap whose first entry comes before all others. The zero
// value is empty.
type queue[T entry[T]] struct{ items []T }

func (q *queue[T]) put(i int, e T) {
	q.items[i] = e
	*e.place() = i + 1
}

// fix inserts e, or moves it to where it belongs after its order changed.
func (q *queue[T]) fix(e T) {
	i := *e.place() - 1
	if i < 0 {
		q.items = append(q.items, e)
		i = len(q.items) - 1
		q.put(i, e)
	}
	if !q.up(i) {
		q.down(i)
	}
}

// remove takes e out; an entry that is not queued is left alone.
func (q *queue[T]) remove(e T) {
	i := *e.place() - 1
	if i < 0 {
		return
	}
	*e.place() = 0
	last := len(q.items) - 1
	moved := q.items[last]
	clear(q.items[last:])
	q.items = q.items[:last]
	if i < last {
		q.put(i, moved)
		if !q.up(i) {
			q.down(i)
		}
	}
	// A burst must not keep its memory once it is over.
	if c := cap(q.items); c > 64 && last < c/4 {
		q.items = append(make([]T, 0, c/2), q.items...)
	}
}

func (q *queue[T]) up(i int) (moved bool) {
	e := q.items[i]
	for i > 0 {
		parent := (i - 1) / 2
		if !e.before(q.items[parent]) {
			break
		}
		q.put(i, q.items[parent])
		i, moved = parent, true
	}
	if moved {
		q.put(i, e)
	}
	return moved
}

func (q *queue[T]) down(i int) {
	e := q.items[i]
	for {
		child := 2*i + 1
		if child >= len(q.items) {
			break
		}
		if r := child + 1; r < len(q.items) && q.items[r].before(q.items[child]) {
			child = r
		}
		if !q.items[child].before(e) {
			break
		}
		q.put(i, q.items[child])
		i = child
	}
	q.put(i, e)
}

// walk visits a queue in order without changing it. Its cost grows with what it
// visits: a child is looked at only after its parent was.
type walk[T entry[T]] struct {
	items []T
	// front is a heap of the slots that may come next.
	front []int
}

// start begins at the first entry of q. The front of an earlier walk is used
// again.
func (w *walk[T]) start(q *queue[T]) {
	w.items, w.front = q.items, w.front[:0]
	w.push(0)
}

// stop forgets the queue.
func (w *walk[T]) stop() {
	w.items = nil
	if cap(w.front) > 4096 {
		w.front = nil
	}
}

// peek returns the entry that comes next, if there is one.
func (w *walk[T]) peek() (e T, ok bool) {
	if len(w.front) == 0 {
		return e, false
	}
	return w.items[w.front[0]], true
}

// advance goes past the entry that peek returned.
func (w *walk[T]) advance() {
	slot := w.front[0]
	last := len(w.front) - 1
	w.front[0] = w.front[last]
	w.front = w.front[:last]
	for i := 0; ; {
		child := 2*i + 1
		if child >= last {
			break
		}
		if r := child + 1; r < last && w.less(r, child) {
			child = r
		}
		if !w.less(child, i) {
			break
		}
		w.front[i], w.front[child] = w.front[child], w.front[i]
		i = child
	}
	w.push(2*slot + 1)
	w.push(2*slot + 2)
}

func (w *walk[T]) push(slot int) {
	if slot >= len(w.items) {
		return
	}
	w.front = append(w.front, slot)
	for i := len(w.front) - 1; i > 0; {
		parent := (i - 1) / 2
		if !w.less(i, parent) {
			break
		}
		w.front[i], w.front[parent] = w.front[parent], w.front[i]
		i = parent
	}
}

func (w *walk[T]) less(i, j int) bool {
	return w.items[w.front[i]].before(w.items[w.front[j]])
}
