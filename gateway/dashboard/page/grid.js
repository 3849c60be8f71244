/**
 * A long table of which only the visible rows exist. Arrow keys, Home, End and the page keys move through it, Enter
 * opens; Tab stops at it once. `columns`: [{key, head, cell(row), sort?(row), className?}], sized by the style sheet.
 */
import { html, useEffect, useLayoutEffect, useMemo, useRef, useState } from './html.js'

/** Rows beyond the edges, so that a quick scroll does not show a gap. */
const SPARE = 6
const NARROW = matchMedia('(max-width: 760px)')

function useNarrow() {
  const [narrow, setNarrow] = useState(NARROW.matches)
  useEffect(() => {
    const follow = () => setNarrow(NARROW.matches)
    NARROW.addEventListener('change', follow)
    return () => NARROW.removeEventListener('change', follow)
  }, [])
  return narrow
}

/** First row of the window and how many fit. A new value only where another row comes into sight. */
function useWindow(element, height) {
  const [seen, setSeen] = useState({ first: 0, fit: 30 })
  useLayoutEffect(() => {
    const box = element.current
    const look = () => {
      const first = Math.floor(box.scrollTop / height)
      const fit = Math.ceil(room(box) / height)
      setSeen((was) => (was.first === first && was.fit === fit ? was : { first, fit }))
    }
    look()
    box.addEventListener('scroll', look, { passive: true })
    const watcher = new ResizeObserver(look)
    watcher.observe(box)
    return () => {
      box.removeEventListener('scroll', look)
      watcher.disconnect()
    }
  }, [height])
  return seen
}

/** The heads stay above the rows: what is left below them. */
const room = (box) => box.clientHeight - box.firstElementChild.offsetHeight

export function Grid({
  label,
  rows,
  idOf,
  columns,
  chosen,
  onOpen,
  heights = [40, 64],
  className,
  sorting,
  onSort,
}) {
  const box = useRef(null)
  const height = heights[useNarrow() ? 1 : 0]
  const { first, fit } = useWindow(box, height)
  const [active, setActive] = useState(null)
  const wanted = useRef(null)
  const places = useMemo(() => new Map(rows.map((row, at) => [idOf(row), at])), [rows])
  const at = places.get(active) ?? places.get(chosen) ?? 0

  // A browser takes the focus from a row that is moved among the others: asked before the drawing, given back after.
  const held = box.current?.contains(document.activeElement) ?? false
  // Not later: the next key goes on from here.
  useLayoutEffect(() => {
    const meant = wanted.current !== null && wanted.current === active
    if (!meant && !(held && document.activeElement === document.body)) return
    wanted.current = null
    box.current.querySelector('[tabindex="0"][role="row"]')?.focus({ preventScroll: true })
  })

  const moveTo = (target) => {
    const next = Math.max(0, Math.min(rows.length - 1, target))
    if (rows[next] === undefined) return
    wanted.current = idOf(rows[next])
    setActive(wanted.current)
    const top = next * height
    const { scrollTop } = box.current
    const seen = room(box.current)
    if (top < scrollTop) box.current.scrollTop = top
    else if (top + height > scrollTop + seen) box.current.scrollTop = top + height - seen
  }
  const press = (event) => {
    if (event.target.closest('[role="columnheader"]')) return
    const page = Math.max(1, fit - 2)
    const steps = {
      ArrowDown: at + 1,
      ArrowUp: at - 1,
      PageDown: at + page,
      PageUp: at - page,
      Home: 0,
      End: rows.length - 1,
    }
    if (event.key in steps) moveTo(steps[event.key])
    else if (event.key === 'Enter' || event.key === ' ') onOpen(idOf(rows[at]))
    else return
    event.preventDefault()
  }

  const from = Math.max(0, first - SPARE)
  const visible = rows.slice(from, first + fit + SPARE).map((row, i) => [row, from + i])
  // The row that has the focus keeps it, also out of sight.
  if (rows[at] !== undefined && (at < from || at >= from + visible.length)) visible.push([rows[at], at])

  return html`<div
    class=${`grid ${className}`}
    role="grid"
    aria-label=${label}
    aria-rowcount=${rows.length + 1}
    onKeyDown=${press}
  >
    <div class="scroll" ref=${box} role="rowgroup">
      <div class="heads" role="row" aria-rowindex="1">
        ${columns.map(
          (column) =>
            html`<${Head} key=${column.key} column=${column} sorting=${sorting} onSort=${onSort} />`,
        )}
      </div>
      <div class="all" role="presentation" style=${{ height: `${rows.length * height}px` }}>
        ${visible.map(
          ([row, index]) => html`<${Row}
            key=${idOf(row)}
            row=${row}
            id=${idOf(row)}
            index=${index}
            top=${index * height}
            columns=${columns}
            chosen=${idOf(row) === chosen}
            active=${index === at}
            onOpen=${onOpen}
          />`,
        )}
      </div>
    </div>
  </div>`
}

function Head({ column: { key, head, sort, className = '' }, sorting, onSort }) {
  const mine = sorting?.key === key
  const order = mine ? (sorting.down ? 'descending' : 'ascending') : 'none'
  return html`<div role="columnheader" class=${className} aria-sort=${sort ? order : null}>
    ${
      sort
        ? html`<button type="button" onClick=${() => onSort(key)}>
            ${head}<i class="order" aria-hidden="true"></i>
          </button>`
        : head
    }
  </div>`
}

function Row({ row, id, index, top, columns, chosen, active, onOpen }) {
  return html`<div
    role="row"
    class="line"
    aria-rowindex=${index + 2}
    aria-selected=${chosen}
    tabindex=${active ? 0 : -1}
    style=${{ transform: `translateY(${top}px)` }}
    onClick=${() => onOpen(id)}
  >
    ${columns.map(
      ({ key, cell, className = '' }) =>
        html`<div role="gridcell" key=${key} class=${className}>${cell(row)}</div>`,
    )}
  </div>`
}

/** Rows in the order of a column; as they are where none is chosen. */
export function sorted(rows, columns, sorting) {
  const by = columns.find(({ key }) => key === sorting?.key)?.sort
  if (by === undefined) return rows
  const sign = sorting.down ? -1 : 1
  return [...rows].sort((a, b) => {
    const left = by(a) ?? -1
    const right = by(b) ?? -1
    return left < right ? -sign : left > right ? sign : 0
  })
}
