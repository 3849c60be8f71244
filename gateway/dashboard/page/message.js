/** One message of an exchange: its header fields, its body, and what of it was not kept. */
import { Body } from './bodies.js'
import { html } from './html.js'

/** Whether a field's value was put away when the message was recorded. */
export const isRedacted = ([, value]) => value === '[redacted]'

export function Message({ message, running }) {
  const { headers, body, bytes, truncated } = message
  const hidden = headers.filter(isRedacted).map(([name]) => name)
  return html`<div class="message">
    <table class="headers">
      <caption class="aside">Header fields</caption>
      <tbody>
        ${headers.map(
          (field) => html`<tr>
            <th scope="row">${field[0]}</th>
            <td>${isRedacted(field) ? html`<em>redacted</em>` : field[1]}</td>
          </tr>`,
        )}
      </tbody>
    </table>
    ${hidden.length > 0 && html`<p class="fine">Redacted when recorded: ${hidden.join(', ')}.</p>`}
    <${Body} body=${body} bytes=${bytes} truncated=${truncated} running=${running} />
  </div>`
}
