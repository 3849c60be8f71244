/** The door. */
import { html, useState } from './html.js'
import { session, signIn } from './session.js'
import { Mark, Themes } from './shell.js'
import { useStore } from './store.js'

const WORDS = {
  token: 'a token',
  password: 'the password',
  device_token: 'a device token',
  jwt: 'a JWT',
}

export function SignIn() {
  const { modes, reason } = useStore(session)
  const [credential, setCredential] = useState('')
  const [state, setState] = useState({ kind: 'ready' })
  const takes = modes.map((mode) => WORDS[mode]).filter(Boolean)
  const submit = async (event) => {
    event.preventDefault()
    setState({ kind: 'asking' })
    try {
      await signIn(credential.trim())
    } catch (error) {
      setState({ kind: 'failed', message: words(error) })
    }
  }
  const failed = state.kind === 'failed'
  return html`<main class="door" id="main">
    <form class="card" onSubmit=${submit}>
      <${Mark} />
      <h1>Sign in to gw</h1>
      ${reason && html`<p class="note">${reason}</p>`}
      <label>Credential
        <input
          type="password"
          name="credential"
          autocomplete="current-password"
          required
          autofocus
          value=${credential}
          aria-describedby="takes"
          aria-invalid=${failed}
          onInput=${({ target }) => setCredential(target.value)}
        />
      </label>
      <p class="fine" id="takes">${takes.length > 0 && `This gateway takes ${list(takes)}.`}</p>
      <p class="note" role="alert" data-tone="bad" hidden=${!failed}>${failed && state.message}</p>
      <button class="button primary" disabled=${state.kind === 'asking'}>
        ${state.kind === 'asking' ? 'Asking…' : 'Sign in'}
      </button>
    </form>
    <${Themes} />
  </main>`
}

function words({ status, message }) {
  if (status === 401) return 'That credential is not known here, or has ended.'
  if (status === 429) return `Too many attempts. ${message}`
  return message
}

const list = (words) =>
  words.length === 1 ? words[0] : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`
