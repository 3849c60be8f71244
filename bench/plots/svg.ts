type Value = string | number

/** One element. Attributes and texts are escaped here, children are elements already. */
export function element(
  name: string,
  attributes: Readonly<Record<string, Value>>,
  ...children: readonly string[]
): string {
  const list = Object.entries(attributes).map(([key, value]) => ` ${key}="${escapeText(rounded(value))}"`)
  const open = `<${name}${list.join('')}`
  return children.length > 0 ? `${open}>${children.join('')}</${name}>` : `${open}/>`
}

export const text = (attributes: Readonly<Record<string, Value>>, content: string): string =>
  element('text', attributes, escapeText(content))

/** Colours follow the reader's own setting, also where the file is shown as an image. */
const STYLE = `
:root { --ink: #1c2128; --soft: #59636e; --line: #d1d9e0; --paper: #ffffff;
  --ours: #0969da; --ours-2: #54aeff; --other: #8c959f; --other-2: #bcc4cc; --mark: #cf222e }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --soft: #9198a1; --line: #3d444d; --paper: #0d1117;
    --ours: #4493f8; --ours-2: #1f4f8f; --other: #8b949e; --other-2: #565e67; --mark: #f85149 }
}
text { font: 13px system-ui, sans-serif; fill: var(--ink) }
.title { font-size: 16px; font-weight: 600 } .panel { font-weight: 600 } .soft { fill: var(--soft) }
.end { text-anchor: end } .paper { fill: var(--paper) } .axis { stroke: var(--line) }
.spread { stroke: var(--ink); stroke-width: 1.5; fill: none } .mark { stroke: var(--mark); stroke-dasharray: 4 3 }
.ours-0 { fill: var(--ours) } .ours-1 { fill: var(--ours-2) }
.other-0 { fill: var(--other) } .other-1 { fill: var(--other-2) }
`

export function drawing(
  width: number,
  height: number,
  title: string,
  ...children: readonly string[]
): string {
  return `${element(
    'svg',
    {
      xmlns: 'http://www.w3.org/2000/svg',
      viewBox: `0 0 ${width} ${height}`,
      width,
      height,
      role: 'img',
      'aria-label': title,
    },
    element('title', {}, escapeText(title)),
    element('style', {}, STYLE),
    element('rect', { class: 'paper', width, height }),
    ...children.map((child) => `\n${child}`),
  )}\n`
}

const rounded = (value: Value): string =>
  typeof value === 'number' ? String(Math.round(value * 10) / 10) : value

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
const escapeText = (value: string): string =>
  value.replace(/[&<>"]/g, (character) => ESCAPES[character] ?? '')
