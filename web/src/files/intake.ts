import { byId } from '../element.ts'

/** More than that out of a dropped folder is a mistake. */
const MOST = 2000

/** Where files come from: the picker, the camera, what is dropped or pasted anywhere on the page. */
export function takeFiles(take: (files: File[]) => void): void {
  for (const id of ['picked', 'shot']) {
    const input = byId<HTMLInputElement>(id)
    input.addEventListener('change', () => {
      take([...(input.files ?? [])])
      input.value = '' // the same file may be chosen again
    })
  }
  byId('pick').addEventListener('click', () => byId('picked').click())
  byId('shoot').addEventListener('click', () => byId('shot').click())
  // A camera in the hand: where there is only a mouse the picker does.
  byId('shoot').hidden = !matchMedia('(pointer: coarse)').matches

  addEventListener('paste', (e) => {
    const files = [...(e.clipboardData?.files ?? [])]
    if (files.length === 0) return
    e.preventDefault()
    take(files)
  })
  drops(take)
}

function drops(take: (files: File[]) => void): void {
  const zone = byId('drop')
  let inside = 0 // dragenter comes for each child before dragleave of the last
  const over = (n: number): void => {
    inside = n
    zone.toggleAttribute('data-over', inside > 0)
  }
  addEventListener('dragenter', (e) => holdsFiles(e) && over(inside + 1))
  addEventListener('dragleave', (e) => holdsFiles(e) && over(Math.max(0, inside - 1)))
  addEventListener('dragover', (e) => {
    if (!holdsFiles(e)) return
    e.preventDefault() // or the browser opens the file
    e.dataTransfer!.dropEffect = 'copy'
  })
  addEventListener('drop', (e) => {
    if (!holdsFiles(e)) return
    e.preventDefault()
    over(0)
    void dropped(e.dataTransfer!).then(take)
  })
}

function holdsFiles(e: DragEvent): boolean {
  return e.dataTransfer?.types.includes('Files') ?? false
}

/** All files of a drop, those in folders too. */
async function dropped(data: DataTransfer): Promise<File[]> {
  // Both must be read at once: after the event the browser forgets them.
  const entries = [...data.items].filter((i) => i.kind === 'file').map((i) => i.webkitGetAsEntry())
  const plain = [...data.files]
  if (!entries.some((e) => e?.isDirectory)) return plain
  const files: File[] = []
  for (const entry of entries) if (entry) await collect(entry, files)
  return files
}

async function collect(entry: FileSystemEntry, files: File[]): Promise<void> {
  if (files.length >= MOST) return
  if (entry.isFile) {
    files.push(await new Promise<File>((ok, no) => (entry as FileSystemFileEntry).file(ok, no)))
    return
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader()
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((ok, no) => reader.readEntries(ok, no))
    if (some.length === 0) return
    for (const e of some) await collect(e, files)
  }
}
