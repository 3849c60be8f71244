/** Numbers, times and names as people read them. */

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })
const tenth = new Intl.NumberFormat('en', { maximumFractionDigits: 1 })
const hundredth = new Intl.NumberFormat('en', { maximumFractionDigits: 2 })
const clock = new Intl.DateTimeFormat('en', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
})
const day = new Intl.DateTimeFormat('en', { day: 'numeric', month: 'short' })

export const NONE = '–'

/** 1,204; under ten with a decimal where there is one. */
export function count(value) {
  if (value === null || value === undefined) return NONE
  return (Math.abs(value) < 10 ? tenth : whole).format(value)
}

/** 0.42, 8.3, 84: three figures at most. */
export function rate(value) {
  if (value === null || value === undefined) return NONE
  return (value < 1 ? hundredth : value < 100 ? tenth : whole).format(value)
}

export function millis(value) {
  if (value === null || value === undefined) return NONE
  if (value < 1) return `${hundredth.format(value)} ms`
  if (value < 10) return `${tenth.format(value)} ms`
  if (value < 1000) return `${whole.format(value)} ms`
  if (value < 60_000) return `${hundredth.format(value / 1000)} s`
  return span(value / 1000)
}

/** Seconds → 3 d 4 h, 12 min, 8 s. */
export function span(seconds) {
  if (seconds === null || seconds === undefined) return NONE
  if (seconds < 60) return `${Math.round(seconds)} s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`
  return `${Math.floor(seconds / 86_400)} d ${Math.floor((seconds % 86_400) / 3600)} h`
}

export function bytes(value) {
  if (value === null || value === undefined) return NONE
  let size = value
  for (const unit of ['B', 'KiB', 'MiB', 'GiB']) {
    if (size < 1024) return `${count(size)} ${unit}`
    size /= 1024
  }
  return `${count(size)} TiB`
}

/** 14:03:22; of another day with its date. */
export function time(iso) {
  const date = new Date(iso)
  if (Number.isNaN(date.getTime())) return NONE
  const today = date.toDateString() === new Date().toDateString()
  return today ? clock.format(date) : `${day.format(date)} ${clock.format(date)}`
}

/** in 3 min, 12 s ago. */
export function relative(iso, now = Date.now()) {
  const seconds = (new Date(iso).getTime() - now) / 1000
  if (Number.isNaN(seconds)) return NONE
  if (Math.abs(seconds) < 1) return 'now'
  return seconds > 0 ? `in ${span(seconds)}` : `${span(-seconds)} ago`
}

/** agent_550e8400-e29b-…_prod → 550e8400; what it is not is left as it is. */
export const shortId = (id) => /^agent_([0-9a-f]{8})-/.exec(id ?? '')?.[1] ?? id ?? NONE

export const plural = (n, one, many = `${one}s`) => `${whole.format(n)} ${n === 1 ? one : many}`
