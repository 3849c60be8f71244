import { randomUUID } from 'node:crypto'
import type { DriverOrder, DriverReport } from './crowd.js'
import { Link, type LinkEvents } from './link.js'

/**
 * Agents that do little but stay, in a process of their own: at most a few thousand each, for the descriptors.
 * Says `OPENED` when all are ready, `BACK` each time they are again, and answers SIGUSR2 with what it has counted.
 */
const order = JSON.parse(process.argv[2] ?? '{}') as DriverOrder

/** How many handshakes are under way at once at first: the listen queue of a gateway is not what is measured. */
const AT_ONCE = 50

/** Milliseconds on the clock that all processes share. */
const now = (): number => performance.timeOrigin + performance.now()

let ready = 0
let lost = 0
let dialled = 0
let opened = false
let firstLoss = 0
let counts = 0
/** When each link came back, since the first was lost. */
let returns: number[] = []
const began = now()

const tell = (word: string, report: DriverReport): void => console.log(`${word} ${JSON.stringify(report)}`)

function nextLink(): void {
  const link = links[dialled++]
  if (link) link.dial()
}

const events: LinkEvents = {
  ready: () => {
    ready++
    if (!opened) nextLink()
    else returns.push(now())
    if (ready < links.length) return
    tell(opened ? 'BACK' : 'OPENED', {
      began: opened ? firstLoss : began,
      ended: now(),
      lost,
      pings: 0,
      returns,
    })
    opened = true
    returns = []
    firstLoss = 0
  },
  lost: (link) => {
    ready--
    lost++
    firstLoss ||= now()
    if (order.redial) link.redial()
  },
  refused: (link, reason) => {
    if (opened && order.redial) {
      link.redial()
      return
    }
    console.log(`a link did not become ready: ${reason}`)
    process.exit(1)
  },
}

const links = Array.from(
  { length: order.links },
  (_, n) => new Link(order.host, n === 0 ? order.firstId : `agent_${randomUUID()}_idle`, events),
)

process.on('SIGUSR2', () => {
  const pings = links.reduce((sum, link) => sum + link.pings, 0)
  tell(`COUNTED ${++counts}`, { began, ended: now(), lost, pings, returns: [] })
})

for (let n = 0; n < AT_ONCE; n++) nextLink()
