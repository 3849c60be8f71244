/** One exchange: its head, its life, both messages; as a command; sent again. */
import { api } from './api.js'
import { Choice } from './fields.js'
import { bytes, time } from './format.js'
import { html, useEffect, useState } from './html.js'
import { LifeStory, levelOf, outcomeOf, parts } from './life.js'
import { Message } from './message.js'
import { Panel } from './panel.js'
import { Copy, Facts, Failed, Link, Loading, State } from './parts.js'
import { Replay } from './replay.js'
import { address } from './router.js'
import { may } from './session.js'

/** While it runs it is asked for again, so that events of a stream appear one by one. */
const WHILE_RUNNING = 500

/** `seen`: its entry in the list, which tells when it has ended. */
function useExchange(id, seen) {
  const [state, setState] = useState({ kind: 'asking' })
  const [turn, setTurn] = useState(0)
  useEffect(() => {
    let left = false
    let timer
    const ask = async () => {
      try {
        const exchange = await api.exchange(id)
        if (left) return
        setState({ kind: 'known', exchange })
        if (exchange.state === 'open') timer = setTimeout(ask, WHILE_RUNNING)
      } catch (error) {
        if (left) return
        setState((was) => (was.kind === 'known' ? was : { kind: 'failed', error }))
        if (error.status === 0) timer = setTimeout(ask, WHILE_RUNNING * 4)
      }
    }
    ask()
    return () => {
      left = true
      clearTimeout(timer)
    }
  }, [id, turn, seen?.state])
  return [state, () => setTurn((n) => n + 1)]
}

export function ExchangePanel({ id, seen }) {
  const [state, again] = useExchange(id, seen)
  switch (state.kind) {
    case 'asking':
      return html`<${Panel} title="Exchange" wide><${Loading} what="the exchange" /></${Panel}>`
    case 'failed':
      return html`<${Panel} title="Exchange" wide>
        ${
          state.error.status === 404
            ? html`<p>It is no longer kept: newer exchanges took its place, or the gateway was restarted.</p>`
            : html`<${Failed} error=${state.error} again=${again} />`
        }
      </${Panel}>`
    default:
      return html`<${Known} id=${id} exchange=${state.exchange} />`
  }
}

function Known({ id, exchange }) {
  const [side, setSide] = useState('response')
  const [replaying, setReplaying] = useState(false)
  const { method, path, code, tunnel_id, replay_of, remote_address } = exchange
  const running = exchange.state === 'open'
  const level = html`<${State} level=${levelOf(exchange)}>
    ${running ? 'Running' : outcomeOf(exchange)} ${code}
  </${State}>`
  const message = exchange[side]
  return html`<${Panel} wide title=${`${method} ${path}`} over=${level}>
    ${replay_of && html`<p class="fine">Sent again from <${Original} id=${replay_of} />.</p>`}
    <${LifeStory} of=${parts(exchange)} running=${running} />
    <div class="row">
      <${Copy} text=${() => api.curl(id)} label="Copy as curl" />
      ${
        may('admin') &&
        html`<button type="button" class="button" onClick=${() => setReplaying(true)}>Send again…</button>`
      }
    </div>
    <${Facts}
      of=${[
        ['Time', time(exchange.time)],
        ['Tunnel', tunnel_id && html`<code>${tunnel_id}</code>`],
        ['Caller', remote_address && html`<code>${remote_address}</code>`],
        ['Request', html`<code>${id}</code>`],
      ]}
    />
    <${Choice} legend="Message" className="choice sides" options=${sides(exchange)} value=${side} onChoose=${setSide} />
    ${
      message
        ? html`<${Message} key=${side} message=${message} running=${running} />`
        : html`<p class="calm">${running ? 'No answer yet.' : 'There was no answer.'}</p>`
    }
    ${replaying && html`<${Replay} exchange=${exchange} onClose=${() => setReplaying(false)} />`}
  </${Panel}>`
}

const sides = ({ request, response }) => [
  ['response', html`Response <small>${response === null ? '' : bytes(response.bytes)}</small>`],
  ['request', html`Request <small>${bytes(request.bytes)}</small>`],
]

const Original = ({ id }) => html`<${Link} to=${address('inspector', id)}><code>${id}</code></${Link}>`
