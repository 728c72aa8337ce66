// Package store keeps files: what a file's record is (Info), how it is written
// (Writer), read (Store.Open, Follow), shared (Link), damaged (Damage) and removed
// (Removal). It knows no protocol, no page and no bus; its errors carry no status
// of any.
//
//	Store -> Writer -> Appender -> a folder's data and journal, or a bucket's parts
//	Store -> Backend -> Content
//
// A Backend is where a store is kept: package folder, or package bucket.
//
// A file begins as an upload: Create makes it, Writer opens it for appending, and
// Complete makes it a file when all its bytes are there. Readers need Names, Info,
// Open, Links and, while an upload grows, Follow and Offset; none of these changes
// anything. Writer.Remove keeps why an upload was removed until Forget, so that an
// event can tell of it.
//
// # Promised
//
//   - Bytes that Writer.Append returned outlive the process, and are checked when the
//     upload is opened again; damage is recorded before anything is truncated.
//   - Two processes never write to one upload at once, on file systems with working
//     locks (flock); in a bucket on servers that honour If-Match on writes.
//   - Metadata is replaced as a whole.
//   - What is on disks and in buckets stays readable for later versions.
//
// # Not promised
//
// That a list is a snapshot: uploads on it may be removed by now. That an upload in a
// bucket can be read before it is complete. Which of two small files stays that are
// written under one name at once.
package store
