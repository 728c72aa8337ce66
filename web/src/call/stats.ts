import type { Path, Sample } from './quality.ts'

/** The report of a connection, as far as it is read here. */
type Report = Iterable<[string, Record<string, unknown>]>

/** Reads the counters of a connection out of what getStats gives. */
export function sampleOf(report: Report, at: number): Sample {
  const all = new Map(report)
  const sample: Sample = {
    at, bytes: 0, received: 0, lost: 0, frozen: 0, frames: 0, lossOut: undefined, rtt: undefined, path: 'unknown', uplink: undefined,
  }
  for (const s of all.values()) {
    if (s['type'] === 'inbound-rtp') {
      sample.bytes += number(s['bytesReceived']) ?? 0
      sample.received += number(s['packetsReceived']) ?? 0
      sample.lost += number(s['packetsLost']) ?? 0
      sample.frozen += (number(s['totalFreezesDuration']) ?? 0) * 1000
      sample.frames += number(s['framesDecoded']) ?? 0
    }
    if (s['type'] === 'remote-inbound-rtp') {
      const loss = number(s['fractionLost'])
      if (loss !== undefined) sample.lossOut = Math.max(sample.lossOut ?? 0, loss)
    }
  }
  const pair = selectedPair(all)
  if (pair) {
    const rtt = number(pair['currentRoundTripTime'])
    sample.rtt = rtt === undefined ? undefined : rtt * 1000
    sample.uplink = number(pair['availableOutgoingBitrate'])
    sample.path = pathOf(all.get(String(pair['localCandidateId'])), all.get(String(pair['remoteCandidateId'])))
  }
  return sample
}

function selectedPair(all: Map<string, Record<string, unknown>>): Record<string, unknown> | undefined {
  for (const s of all.values()) {
    if (s['type'] === 'transport' && typeof s['selectedCandidatePairId'] === 'string') return all.get(s['selectedCandidatePairId'])
  }
  for (const s of all.values()) { // Firefox has it on the pair
    if (s['type'] === 'candidate-pair' && (s['selected'] === true || (s['nominated'] === true && s['state'] === 'succeeded'))) return s
  }
  return undefined
}

function pathOf(local: Record<string, unknown> | undefined, remote: Record<string, unknown> | undefined): Path {
  if (!local || !remote) return 'unknown'
  return local['candidateType'] === 'relay' || remote['candidateType'] === 'relay' ? 'relay' : 'direct'
}

function number(v: unknown): number | undefined {
  return typeof v === 'number' && Number.isFinite(v) ? v : undefined
}
