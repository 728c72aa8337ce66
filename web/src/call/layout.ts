/**
 * Where the tiles of a call go. All measures are CSS px; pure, so that it can be
 * tested without a screen.
 */

export interface Box {
  x: number
  y: number
  width: number
  height: number
}

export interface Places {
  /** One box a tile, in the order of the tiles. */
  boxes: Box[]
  /** The last tile lies over another one's corner. */
  floating: boolean
}

const GAP = 8 // px
const SLIMMEST = 0.62 // width / height a face still fits into: phones held upright
const WIDEST = 16 / 9
const LEAST = 0.4 // share of a picture that is seen

/**
 * Places count tiles, the last of which is one's own. Two share the stage as
 * people expect of a call: the other one large, oneself in a corner. With a
 * shown screen (its tile's index) that one is large and the rest a strip.
 */
export function place(count: number, width: number, height: number, shown = -1): Places {
  if (count === 0 || width <= 0 || height <= 0) return { boxes: [], floating: false }
  if (shown >= 0 && count > 1) return { boxes: strip(count, width, height, shown), floating: false }
  if (count === 2) return { boxes: [whole(width, height), corner(width, height)], floating: true }
  if (count === 1) return { boxes: [whole(width, height)], floating: false }
  return { boxes: grid(count, 0, 0, width, height), floating: false }
}

function whole(width: number, height: number): Box {
  return { x: 0, y: 0, width, height }
}

/** A quarter of the shorter side, in the shape of the stage. */
function corner(width: number, height: number): Box {
  const upright = height > width
  const w = Math.round(upright ? Math.max(96, width * 0.28) : Math.max(150, width * 0.18))
  const h = Math.round(upright ? w / 0.75 : w / (4 / 3))
  return { x: width - w - 12, y: height - h - 12, width: w, height: h }
}

/** The number of columns that gives the tiles the most room; a last row that is not full is centred. */
function grid(count: number, left: number, top: number, width: number, height: number, slimmest = SLIMMEST): Box[] {
  let best: Box[] = []
  let most = 0
  for (let columns = 1; columns <= count; columns++) {
    const rows = Math.ceil(count / columns)
    const cellWidth = (width - GAP * (columns - 1)) / columns
    const cellHeight = (height - GAP * (rows - 1)) / rows
    const w = Math.floor(Math.min(cellWidth, cellHeight * WIDEST))
    const h = Math.floor(Math.min(cellHeight, cellWidth / slimmest))
    const room = w * h * likeness(w / h, height > width)
    if (w <= 0 || h <= 0 || room <= most) continue
    most = room
    best = Array.from({ length: count }, (_, i) => {
      const row = Math.floor(i / columns)
      const inRow = row === rows - 1 ? count - row * columns : columns
      const x = left + (width - inRow * w - (inRow - 1) * GAP) / 2 + (i % columns) * (w + GAP)
      const y = top + (height - rows * h - (rows - 1) * GAP) / 2 + row * (h + GAP)
      return { x: Math.round(x), y: Math.round(y), width: w, height: h }
    })
  }
  return best
}

/**
 * How much of a camera's picture a tile of this shape shows when it is filled:
 * on a wide stage most pictures are wide, among phones held upright some are not.
 */
function likeness(shape: number, upright: boolean): number {
  const usual = upright ? 1 : 4 / 3
  return Math.min(shape / usual, usual / shape)
}

/**
 * How large a picture is drawn in a tile: it fills the tile, and what sticks out
 * is cut, but LEAST of the picture is always seen.
 */
export function crop(tile: { width: number; height: number }, picture: { width: number; height: number }): { width: number; height: number } {
  const wider = picture.width / picture.height / (tile.width / tile.height)
  if (wider > 1 / LEAST) return { width: tile.width, height: Math.round(tile.height / (wider * LEAST)) }
  if (wider < LEAST) return { width: Math.round((tile.width * wider) / LEAST), height: tile.height }
  return tile
}

/** The shown tile large, the others in a row below it or a column beside it. */
function strip(count: number, width: number, height: number, shown: number): Box[] {
  const others = count - 1
  const upright = height > width
  const side = upright ? Math.round(height * 0.26) : Math.round(Math.min(width * 0.24, 260))
  const large = upright ? { x: 0, y: 0, width, height: height - side - GAP } : { x: 0, y: 0, width: width - side - GAP, height }
  const small = upright
    ? grid(others, 0, height - side, width, side, 1)
    : grid(others, width - side, 0, side, height, 1)
  const boxes = [...small]
  boxes.splice(shown, 0, large)
  return boxes
}
