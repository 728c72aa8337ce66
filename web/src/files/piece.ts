const SECONDS = 10 // of sending in one request: what a proxy that hands on whole requests alone loses with a connection
const FIRST = 4 << 20 // bytes, while nobody knows how fast it goes
const LEAST = 1 << 20 // less costs more in round trips than it saves
const MOST = 64 << 20 // more saves nothing on any network

/**
 * How many bytes go into one request. Between the page and the box there may be
 * a proxy that keeps a request until it has all of it (nginx does): if the
 * connection breaks before, the box has nothing of it.
 *
 * speed is in bytes a second, undefined when it is not known; limit is what somebody
 * between has been seen to take.
 */
export function pieceSize(speed: number | undefined, limit: number): number {
  const wanted = speed === undefined ? FIRST : Math.min(MOST, Math.max(LEAST, Math.round(speed * SECONDS)))
  return Math.min(wanted, limit)
}
