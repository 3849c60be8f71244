import { Problem } from './errors.js'

/** A request's body. @throws Problem `bad_request` where it is not JSON in UTF-8. */
export function parseJson(body: Buffer): unknown {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(body)
  } catch {
    throw new Problem('bad_request', 'the body is not UTF-8')
  }
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new Problem('bad_request', `the body is not JSON: ${(error as Error).message.slice(0, 200)}`)
  }
}
