/** Which camera and microphone; pure but for list. */

export interface Device {
  id: string
  label: string
}

export interface Devices {
  cameras: Device[]
  microphones: Device[]
}

/** What there is. Without permission a browser gives neither ids nor labels: such entries only say that there is one. */
export async function listDevices(): Promise<Devices> {
  const all = (await navigator.mediaDevices?.enumerateDevices().catch(() => [])) ?? []
  return sort(all)
}

export function sort(all: readonly Pick<MediaDeviceInfo, 'kind' | 'deviceId' | 'label'>[]): Devices {
  const of = (kind: MediaDeviceKind, noun: string) =>
    all
      .filter((d) => d.kind === kind && d.deviceId !== 'communications') // Windows names one device three times
      .map((d, i) => ({ id: d.deviceId, label: d.label || `${noun} ${i + 1}` }))
  return { cameras: of('videoinput', 'Camera'), microphones: of('audioinput', 'Microphone') }
}

/** The one wanted before if it is still there, else none: the browser then takes its own. */
export function pick(devices: readonly Device[], wanted: string | undefined): string | undefined {
  return devices.some((d) => d.id === wanted && d.id !== '') ? wanted : undefined
}

/** The camera after this one, round and round. */
export function next(cameras: readonly Device[], current: string | undefined): Device | undefined {
  if (cameras.length === 0) return undefined
  const i = cameras.findIndex((c) => c.id === current)
  return cameras[(i + 1) % cameras.length]
}

/** Front or back, where a phone says which one a camera is; the other one of it. */
export function otherFacing(facing: string | undefined): 'user' | 'environment' | undefined {
  if (facing === 'user') return 'environment'
  if (facing === 'environment') return 'user'
  return undefined
}
