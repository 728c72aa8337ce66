// Package store keeps files: what a file's record is (Info), how it is written
// (Writer), read (Store.Open, Follow), shared (Link), damaged (Damage) and removed
// (Removal). It knows no protocol, no page and no bus; its errors carry no status
// of any.
//
//	Store -> Writer -> Appender -> a folder's data and journal, or a bucket's parts
//	Store -> Backend -> Content
//
// What a store is in is a Backend: package folder, or package bucket.
//
// A file begins as an upload: Create makes it, Writer opens it for appending, and
// Complete makes it a file when all its bytes are there. Those who only read need
// Names, Info, Open, Links and, while an upload grows, Follow and Offset; nothing
// that they do changes anything. Who removes files says why (Writer.Remove), and
// whoever tells others of that ends it by Forget.
//
// # Promised
//
//   - What Writer.Append said was written outlives the process, and is checked when
//     the upload is opened again; what was lost is noted before anything is cut off.
//   - Two never write to one upload, on file systems whose locks (flock) hold; in a
//     bucket on servers that heed If-Match when they write.
//   - Metadata is replaced as a whole.
//   - What is on disks and in buckets stays readable for later versions.
//
// # Not promised
//
// That a list is of one moment: names may be of what is gone by now. That an upload
// in a bucket can be read before it is complete. Which of two small files stays that
// are written under one name at once, nor that one in a folder is whole whose writer
// was killed.
package store
