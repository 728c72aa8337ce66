// Package logcheck reads a stream's parts log as it was written and reports
// every way in which it is not what bus.Part promises and what a player needs
// of it. It shares no code with the workers that write and read the log.
//
// It is given every message of the log in its order (Checker.Part) and keeps,
// per rendition, where it stands. What it holds the messages against:
//
//   - Numbers. A rendition's parts are numbered without gap and none comes
//     twice, a number is of one session for ever, and no session goes back
//     behind one before. A hole in the numbers is one of a rendition that was
//     not made for a while, when others have those numbers; any other is a
//     finding. A segment that is not finished is followed by a discontinuity.
//   - Segments. All renditions say the same of a segment: session, epoch,
//     date, discontinuity and its sequence number, targets, duration.
//   - Discontinuities. There is a flag where the parameters (Init), the stream
//     clock or the decode times do not go on, and there is none where media
//     goes on; the sequence number goes up by one with each, and never else,
//     over sessions too.
//   - Durations. Parts and segments against PART-TARGET and TARGETDURATION,
//     which do not change in a session.
//   - Dates. They go on by the duration, but for discontinuities, and never
//     go back.
//   - The end. One for every rendition, and nothing of the session after it.
//
// With a Source, which knows what a publisher sent and when, it also finds
// pictures and sounds that are missing, come again or were made up, flags
// where media does go on, and dates that are not those of the publisher's clock.
package logcheck
