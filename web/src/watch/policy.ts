import type { HlsConfig, LoaderResponse, LoadPolicy, RetryConfig } from 'hls.js/light'

/*
 * How hls.js is told to live with servers that die and come back. Every worker of
 * PSE may be killed at any moment and is back within half a second: a refused or
 * broken connection (status 0) and a 5xx mean "ask the same again at once". hls.js by
 * itself takes the first for a CORS fault and gives up; and where it does ask again,
 * it asks for the list as it is and not for the next part, finds nothing new in it,
 * and rests for half a segment. So the asking again is done below it, by the loader
 * (loader.ts), and hls.js notices no more than a slow answer. Only when nothing has
 * come for GIVE_UP_MS does it learn of an error.
 */
const RETRY_MS = 100
const GIVE_UP_MS = 15_000

/** The loader's way of asking again. */
export const again: RetryConfig = {
  maxNumRetry: GIVE_UP_MS / RETRY_MS,
  retryDelayMs: RETRY_MS,
  maxRetryDelayMs: RETRY_MS,
  backoff: 'linear',
  shouldRetry: (config, count, isTimeout, response) => shouldRetry(config, count, isTimeout, response),
}

/** Whether to ask again; count is how often it was asked in vain. */
export function shouldRetry(
  config: Pick<RetryConfig, 'maxNumRetry'> | null | undefined,
  count: number,
  isTimeout: boolean,
  response: LoaderResponse | undefined,
): boolean {
  if (!config || count >= config.maxNumRetry) return false
  if (isTimeout) return true
  const status = response?.code
  if (status === undefined) return false // it came, but could not be used: asking again gives the same
  if (status === 0 || status === 429 || status >= 500) return true
  return status === 404 && count < 3 // an edge that has just started may not have it yet
}

const none: RetryConfig = { maxNumRetry: 0, retryDelayMs: 0, maxRetryDelayMs: 0 }

/** firstByteMs must be over the 12 s an edge may hold a blocked answer back (3 x TARGETDURATION). */
function policy(firstByteMs: number, wholeMs: number, retry: RetryConfig): LoadPolicy {
  return { default: { maxTimeToFirstByteMs: firstByteMs, maxLoadTimeMs: wholeMs, timeoutRetry: retry, errorRetry: retry } }
}

/** What hls.js is made with, besides the loader. */
export const hlsConfig: Partial<HlsConfig> = {
  lowLatencyMode: true,
  liveDurationInfinity: true, // media-chrome tells live from recorded by it, and DVR by seekable
  backBufferLength: 90,
  enableWorker: false, // fMP4 passes through untouched: a worker costs more than it saves
  maxLiveSyncPlaybackRate: 1, // chase.ts does that
  liveSyncOnStallIncrease: 0.3,
  testBandwidth: false, // no second start at the lowest level; begin with what 5 Mbit/s carry
  abrEwmaDefaultEstimate: 5e6,
  errorPenaltyExpireMs: 10_000, // a level that failed may be tried again
  manifestLoadPolicy: policy(10_000, 10_000, none), // the page itself asks again, knowing more
  playlistLoadPolicy: policy(15_000, 20_000, { maxNumRetry: 2, retryDelayMs: 500, maxRetryDelayMs: 500 }),
  fragLoadPolicy: policy(15_000, 60_000, { maxNumRetry: 6, retryDelayMs: 500, maxRetryDelayMs: 2000 }),
}
