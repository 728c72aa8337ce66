/** A drawn sign out of the page's sprite (call.html). */
export function icon(name: string): SVGSVGElement {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg')
  svg.setAttribute('viewBox', '0 0 24 24')
  svg.setAttribute('aria-hidden', 'true')
  const use = document.createElementNS('http://www.w3.org/2000/svg', 'use')
  svg.append(use)
  setIcon(svg, name)
  return svg
}

/** Changes the sign of an svg that holds a use element. */
export function setIcon(svg: Element | null, name: string): void {
  const use = svg?.querySelector('use')
  if (use && use.getAttribute('href') !== `#sign-${name}`) use.setAttribute('href', `#sign-${name}`)
}
