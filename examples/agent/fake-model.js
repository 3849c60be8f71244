#!/usr/bin/env node
/**
 * A model for trying the agent without one: it lists the workspace, reads README.md where there is one, and says what
 * it was told. Speaks enough of OpenAI's `/chat/completions` for that. Prints its URL.
 *
 *   node examples/agent/fake-model.js 8089
 */
import { createServer } from 'node:http'

const text = (content) => [...content.matchAll(/\S+\s*/g)].map(([word]) => ({ content: word }))

/** A call in pieces, as models send it. */
function call(name, path) {
  const [first, second] = [JSON.stringify({ path }).slice(0, 5), JSON.stringify({ path }).slice(5)]
  return [
    { tool_calls: [{ index: 0, id: `call_${name}`, type: 'function', function: { name, arguments: '' } }] },
    { tool_calls: [{ index: 0, function: { arguments: first } }] },
    { tool_calls: [{ index: 0, function: { arguments: second } }] },
  ]
}

/** What it says next, by the last message that it was given. */
function answerTo(messages) {
  const last = messages.at(-1)
  if (last.content.includes('for ever')) return call('list_files', '.')
  if (last.role === 'user') return [...text('Let me look. '), ...call('list_files', '.')]
  if (last.tool_call_id === 'call_list_files') {
    if (messages.some(({ content }) => content.includes('for ever'))) return call('list_files', '.')
    if (last.content.split('\n').includes('README.md')) return call('read_file', 'README.md')
    return text(`There is: ${last.content.split('\n').join(', ')}\n`)
  }
  return text(`It begins with: ${last.content.split('\n')[0]}\n`)
}

const server = createServer(async (request, response) => {
  let body = ''
  for await (const chunk of request.setEncoding('utf8')) body += chunk
  if (request.url !== '/v1/chat/completions') {
    response
      .writeHead(404, { 'content-type': 'application/json' })
      .end('{"error":{"message":"no such path"}}')
    return
  }
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  const say = (chunk) => response.write(`data: ${JSON.stringify(chunk)}\n\n`)
  for (const delta of answerTo(JSON.parse(body).messages)) say({ choices: [{ index: 0, delta }] })
  say({ choices: [], usage: { prompt_tokens: 10, completion_tokens: 5 } })
  response.end('data: [DONE]\n\n')
})

server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${server.address().port}/v1`)
})
