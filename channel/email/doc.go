// Package email delivers messages as mail over SMTP.
//
// # What a receiver gets
//
// The title is the subject. The email body of the message is shown in the mail,
// as HTML and as plain text; without one a short text names the attachments, and
// where the values left nothing at all, it is the title.
// Every authored Markdown block is attached as <title>-n.md and every table as
// <title>-n.csv or, where the table asks for it, <title>-n.xlsx. A chart is
// attached as <title>-n.png, or as its numbers where nothing drew it.
//
// A CSV file is UTF-8 with a byte order mark and holds raw values: numbers stay
// numbers, and a text that a spreadsheet would run as a formula starts with an
// apostrophe. Table.File "csv-shown" holds what a person reads instead: prefix,
// suffix and mark. An XLSX file has typed cells; prefix, suffix and mark are
// number formats there, so that the values can still be added up; an empty value
// is the text that the author shows in its place. A number with
// more than 15 significant digits is written as text, because a spreadsheet
// would round it.
//
// The HTML body is kept below 100,000 bytes, because Gmail hides what comes
// after about 102 KB
// (https://www.spamresource.com/2022/01/what-is-gmail-clipping-and-what-to-do.html,
// read on 2026-11-23): a longer table shows its first rows, and the whole table
// is attached if it is not attached already. Of tables too many for that, the
// first are shown and the others are attached in one file.
//
// A picture with bytes is carried in the mail and shown by Content-ID. A picture
// by address is shown as a link, unless the destination sets images to "remote".
// A mention is shown as its label; mail cannot call anyone.
//
// # Destinations
//
// [To] makes a destination from an [Account]. A stored destination is plain
// text; the Option and Secret constants name its keys. [Channel.Check] reports
// every mistake in one at once, without I/O.
//
// # The payload is the mail
//
// Encode writes the whole mail, so nothing can fail between DATA and the final
// dot except the connection. Boundaries and Date come from the message: the same
// message gives the same bytes. Send puts the Message-ID in front, which is made
// from Payload.Key and the sender's domain and so is the same on every attempt.
//
// go-mail's own message writer takes random boundaries for nested parts and its
// Msg cannot carry prebuilt bytes, so the MIME tree is written here with the
// standard library's encoders. The exchange with the server runs on go-mail's
// SMTP client (github.com/wneessen/go-mail/smtp), whose steps are driven one by
// one, because only then is it known whether a failure came before or after the
// final dot.
//
// # What a result means
//
// A [channel.Receipt] means that the server answered 250 after the dot: it
// accepted the mail, so Delivered is false. Nobody can observe more over SMTP. A
// failure before the dot is NotSent or Rejected by the server's code; a
// connection lost after the dot is Unknown. A server that greylists (450, 451)
// gives a wait of five minutes.
//
// One transaction carries all receivers. If any is refused nobody gets the mail
// and the error names the refused ones; a destination whose option "refused" is
// "drop" goes on without those that are refused for good, and the receipt's Note
// names them.
//
// A connection is kept for a minute after its last mail and used again by mails
// of the same account. [Channel.Close] closes what is kept.
//
// Limits: a mail larger than the server's announced SIZE is rejected before it
// is sent (RFC 1870). A line is never longer than 998 octets (RFC 5322 section
// 2.1.1); the subject is cut to 200 characters.
package email
