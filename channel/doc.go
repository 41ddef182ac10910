// Package channel is the contract between a rendered report and the place it
// is delivered to.
//
// A [Message] is what the renderer made: a small tree of blocks and inlines,
// the same for every destination. A [Channel] turns it into [Payload]s for one
// [Destination] (Encode), sends one payload (Send) and reads the vendor's
// answer for what it says: a [Receipt] when the vendor took it, an [*Error]
// with an [Outcome] when it did not or may not have.
//
// The road is one way. A channel knows no SQL, no schedule and no store. It
// never retries, never waits and never limits its own rate: it declares its
// [Limits] and the engine keeps them.
//
// # Who does what
//
// Encode is pure: the same message and destination give the same bytes, on any
// machine and at any time. The engine stores those bytes before the first send
// and sends the stored bytes on every retry. What differs per attempt (a
// signature, a time stamp) and what carries [Payload.Key] is added by Send, for
// which Encode leaves room.
//
// A channel may grow by optional interfaces that the engine looks for:
// [Preparer] for I/O before encoding, [Checker] for destinations that are about
// to be saved, [Previewer] for a drawing of a payload. A channel that wraps
// another offers Unwrap() Channel, so that these are found behind it.
//
// # Data is never markup
//
// Every [Text] in a message is plain text, whatever characters it holds. Who
// writes a vendor's dialect escapes it. Mentions exist only as [Mention] nodes,
// which only an author's template can make.
package channel
