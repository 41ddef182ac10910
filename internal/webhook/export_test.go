package webhook

import "time"

// SetAnswer shortens the time limit of an answer's header.
func (c *Client) SetAnswer(d time.Duration) { c.watch.answer = d }
