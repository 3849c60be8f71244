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

/**
 * A caller's WebSocket. Returning a `Response` before `accept` refuses it; without this export it gets 501. The socket
 * lives as long as the function runs: on return it closes with 1000, on a throw with 1011. `request.signal` fires when
 * the caller goes.
 */
export async function websocket(request, socket) {
  if (new URL(request.url).pathname !== '/shout')
    return new Response('Only /shout is a WebSocket.\n', { status: 404 })
  socket.accept()
  // Text is a string, binary is bytes. Awaiting `send` keeps to the caller's pace.
  for await (const message of socket)
    await socket.send(typeof message === 'string' ? message.toUpperCase() : message)
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
