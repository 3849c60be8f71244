/** A chat completion as it streams, from any server that speaks OpenAI's `/chat/completions`. */

const { OPENAI_BASE_URL = 'http://127.0.0.1:11434/v1', OPENAI_MODEL = 'qwen3', OPENAI_API_KEY } = process.env

/** Yields `{text}` as it comes, and last `{answer: {message, usage}}`. */
export async function* complete({ messages, tools, signal }) {
  const response = await fetch(`${OPENAI_BASE_URL.replace(/\/+$/, '')}/chat/completions`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(OPENAI_API_KEY && { authorization: `Bearer ${OPENAI_API_KEY}` }),
    },
    body: JSON.stringify({
      model: OPENAI_MODEL,
      messages,
      tools,
      stream: true,
      stream_options: { include_usage: true },
    }),
    signal,
  })
  if (!response.ok)
    throw new Error(`the model answered ${response.status}: ${(await response.text()).slice(0, 500)}`)
  const message = { role: 'assistant', content: '' }
  const calls = []
  let usage
  for await (const chunk of chunksOf(response.body)) {
    if (chunk.error)
      throw new Error(`the model failed: ${chunk.error.message ?? JSON.stringify(chunk.error)}`)
    usage = chunk.usage ?? usage
    const { content, tool_calls: pieces = [] } = chunk.choices?.[0]?.delta ?? {}
    if (content) {
      message.content += content
      yield { text: content }
    }
    for (const piece of pieces ?? []) addPiece(calls, piece)
  }
  if (calls.length > 0) message.tool_calls = calls
  yield { answer: { message, usage } }
}

/** A call comes in pieces: its id and name first, its arguments letter by letter. */
function addPiece(calls, { index = 0, id, function: part = {} }) {
  calls[index] ??= { id: id ?? `call_${index}`, type: 'function', function: { name: '', arguments: '' } }
  calls[index].function.name += part.name ?? ''
  calls[index].function.arguments += part.arguments ?? ''
}

/** The JSON of each server-sent event, up to `[DONE]`. */
async function* chunksOf(body) {
  let rest = ''
  for await (const text of body.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split(/\r?\n/)
    rest = lines.pop()
    for (const line of lines) {
      if (!line.startsWith('data:')) continue
      const data = line.slice(5).trim()
      if (data === '[DONE]') return
      yield JSON.parse(data)
    }
  }
}
