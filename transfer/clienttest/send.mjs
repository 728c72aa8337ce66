// Sends a file with tus-js-client and prints the URL of the upload:
// send.mjs CASE ENDPOINT FILE [KEY].
import { createReadStream, mkdtempSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import * as tus from 'tus-js-client'

const [what, endpoint, file, key] = process.argv.slice(2)
const size = statSync(file).size
const storage = new tus.FileUrlStorage(join(mkdtempSync(join(tmpdir(), 'tus-')), 'urls.json'))

const base = {
  endpoint,
  uploadSize: size,
  metadata: { filename: 'from node.bin', filetype: 'application/octet-stream' },
  headers: key ? { Authorization: `Bearer ${key}` } : {},
  retryDelays: [10, 50, 100, 500],
  urlStorage: storage,
}

const cases = {
  whole: {},
  chunks: { chunkSize: 1 << 20 },
  creation: { chunkSize: 1 << 20, uploadDataDuringCreation: true },
  deferred: { uploadSize: null, uploadLengthDeferred: true, chunkSize: 1 << 20 },
  parallel: { parallelUploads: 4, uploadSize: undefined },
  resumes: { chunkSize: 128 << 10 },
  resumed: { chunkSize: 256 << 10 },
  killed: { chunkSize: 64 << 10, retryDelays: Array(600).fill(100) },
  terminated: { chunkSize: 256 << 10 },
}

function upload(options, source, at) {
  return new Promise((resolve, reject) => {
    const u = new tus.Upload(source, {
      ...base,
      ...options,
      onSuccess: () => resolve(u),
      onError: reject,
      onProgress: (sent) => at?.(u, sent, resolve),
    })
    options.before?.(u)
    u.start()
  })
}

// Pauses in the middle; then another Upload, as after a reload, goes on.
async function resumed() {
  let first
  await upload({ ...cases.resumed, onAfterResponse: () => {} }, file_(), (u, sent, done) => {
    if (sent > size / 2 && !first) {
      first = u
      u.abort().then(() => done(u))
    }
  })
  const url = first.url
  let began = -1
  await upload({ ...cases.resumed, uploadUrl: url, endpoint: undefined }, file_(), (_, sent) => {
    if (began < 0) began = sent
  })
  if (began < size / 4) throw new Error(`went on from ${began} of ${size}`)
  return url
}

async function terminated() {
  let url
  await upload(cases.terminated, file_(), (u, sent, done) => {
    if (sent > size / 2 && !url) {
      url = u.url
      u.abort(true).then(() => done(u), done)
    }
  })
  return url
}

// A stream of a file is read anew where that is needed; a length that is not
// known belongs to one that is not a file's.
function file_() {
  const s = createReadStream(file)
  return what === 'deferred' ? s.pipe(new PassThrough()) : s
}

const urls = { resumed, terminated }
const url = urls[what] ? await urls[what]() : (await upload(cases[what], file_())).url
console.log(url)
