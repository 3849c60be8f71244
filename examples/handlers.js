/** Handlers for `gw-agent --handlers examples/handlers.js`. */

export async function fetch(request) {
  const { pathname } = new URL(request.url)
  switch (pathname) {
    case '/time':
      return ticking(request.signal)
    case '/upper':
      return new Response((await request.text()).toUpperCase())
    default:
      return Response.json({ hello: pathname })
  }
}

/** A server-sent event each second until the caller leaves. */
function ticking(signal) {
  const encoder = new TextEncoder()
  const stream = new ReadableStream({
    start(controller) {
      const tick = () => controller.enqueue(encoder.encode(`data: ${new Date().toISOString()}\n\n`))
      const timer = setInterval(tick, 1000)
      tick()
      signal.addEventListener('abort', () => clearInterval(timer))
    },
  })
  return new Response(stream, { headers: { 'content-type': 'text/event-stream' } })
}
