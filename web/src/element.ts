/** Small hands for the DOM; text is always set as text. */

/** The element of this id; the page's HTML has it. */
export function byId<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id)
  if (!found) throw new Error(`no #${id} on this page`)
  return found as T
}

/** A new element with a class and children. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className = '',
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag)
  if (className) made.className = className
  made.append(...children)
  return made
}

/** A drawing of size x size, of one path; where it is not filled, CSS gives it its lines. */
export function svg(size: number, path: string): SVGSVGElement {
  const NS = 'http://www.w3.org/2000/svg'
  const drawing = document.createElementNS(NS, 'svg')
  drawing.setAttribute('viewBox', `0 0 ${size} ${size}`)
  drawing.setAttribute('aria-hidden', 'true')
  const line = document.createElementNS(NS, 'path')
  line.setAttribute('d', path)
  drawing.append(line)
  return drawing
}

/** Sets text only when it differs, so that nothing is repainted or read out again. */
export function setText(node: Node, text: string): void {
  if (node.textContent !== text) node.textContent = text
}
