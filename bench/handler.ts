/** The handler module that an agent runs in its own process where a scenario has no origin. */
export function fetch(): Response {
  return new Response('Hello, world!', { headers: { 'content-type': 'text/plain' } })
}
