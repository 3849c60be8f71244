/**
 * A small agent with tools: it lists and reads the files of a session's workspace, and answers by what it found.
 *
 *   OPENAI_BASE_URL=http://127.0.0.1:11434/v1 OPENAI_MODEL=qwen3 gw-agent run "What is in here?" --handlers examples/agent/agent.js
 *
 * The model is any server of OpenAI's chat completions, given by its URL. Workspaces lie in AGENT_ROOT.
 */
import { complete } from './model.js'
import { Workspace } from './workspace.js'

const ROOT = process.env.AGENT_ROOT ?? process.cwd()
const SYSTEM =
  'You answer questions about the files of a directory. Look into them by the tools before you answer.'

export async function* execute({ session, userInput, maxIterations, history, turns, signal }) {
  const workspace = await Workspace.open(ROOT, session.workspaceDir)
  const messages = [
    { role: 'system', content: SYSTEM },
    ...remembered(history, turns),
    { role: 'user', content: userInput },
  ]
  const usage = { input_tokens: 0, output_tokens: 0 }
  for (let iteration = 1; iteration <= maxIterations; iteration++) {
    let answer
    for await (const part of complete({ messages, tools: workspace.tools, signal })) {
      if (part.text !== undefined) yield { type: 'text', data: { text: part.text } }
      if (part.answer !== undefined) answer = part.answer
    }
    usage.input_tokens += answer.usage?.prompt_tokens ?? 0
    usage.output_tokens += answer.usage?.completion_tokens ?? 0
    const calls = answer.message.tool_calls ?? []
    messages.push(answer.message)
    for (const call of calls) {
      const { name } = call.function
      const input = inputOf(call)
      yield { type: 'tool_call', data: { id: call.id, name, input } }
      const { result, failed } = await workspace.use(name, input)
      signal.throwIfAborted()
      yield { type: 'tool_result', data: { tool_call_id: call.id, result, is_error: failed } }
      messages.push({ role: 'tool', tool_call_id: call.id, content: result })
    }
    yield { type: 'iteration_end', data: { iteration } }
    if (calls.length === 0) return { usage }
  }
  yield {
    type: 'error',
    data: { code: 'max_iterations', message: `no answer in ${maxIterations} iterations` },
  }
  return { usage }
}

/** Earlier runs of the session: what was asked, and what was answered. */
function remembered(history, turns) {
  const outputs = new Map(
    history.filter(({ type }) => type === 'done').map(({ run_id, data }) => [run_id, data.output]),
  )
  return turns
    .filter(({ run_id }) => outputs.get(run_id))
    .flatMap(({ run_id, user_input }) => [
      { role: 'user', content: user_input },
      { role: 'assistant', content: outputs.get(run_id) },
    ])
}

/** What a model wrote is not always JSON; the tool tells it so. */
function inputOf(call) {
  try {
    return JSON.parse(call.function.arguments || '{}')
  } catch {
    return { unreadable: call.function.arguments }
  }
}
