import { createHash } from 'node:crypto'
import { getField } from '../../../shared/headers.js'
import { isNotModified } from '../connections.js'
import type { ApiHandler } from '../request.js'
import { openApiDocument } from './document.js'

/** `GET /openapi.json`: made when it is first asked for. */
export function openApi(version: string, wsPath: string): ApiHandler {
  let made: { body: string; tag: string } | undefined
  return ({ head }) => {
    if (made === undefined) {
      const body = `${JSON.stringify(openApiDocument(version, wsPath))}\n`
      made = { body, tag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"` }
    }
    const fields = ['etag', made.tag, 'cache-control', 'no-cache']
    if (isNotModified(getField(head.headers, 'if-none-match'), made.tag))
      return { head: { status: 304, headers: fields }, body: '' }
    return {
      head: { status: 200, headers: ['content-type', 'application/json', ...fields] },
      body: made.body,
    }
  }
}
