/** Before the first message: where one is, and what answers. */
import { ask } from '../chat/asking.ts'
import { currentModel } from '../chat/conversations.ts'
import { BUILTIN, chatModels, defaultModel, models } from '../../../ui/mesh/models.ts'
import { Mark } from '../../../ui/icons.tsx'

/** Questions that the built-in model has learned the answers of. */
const TOY_QUESTIONS = ['What is HAIF?', 'What happens when a worker dies?', 'What is 3 plus 4?']
const QUESTIONS = [
  'Explain how a hash table works, with a short example in Python',
  'Write a polite reply that declines an invitation',
  'Compare HTTP long polling, SSE and WebSockets in a table'
]

export function Welcome() {
  const isEmpty = models.value !== null && chatModels.value.length === 0
  const isToy = (currentModel.value ?? defaultModel.value?.id) === BUILTIN
  return (
    <div class="welcome">
      <Mark />
      <h1>What would you like to know?</h1>
      <p class="lead">
        Your own machines answer. What you write goes to the worker that holds the model; the
        conversation is kept in this browser and nowhere else.
      </p>
      {isToy && <ToyNote />}
      {isEmpty && <EmptyNote />}
      <ul class="suggestions">
        {(isToy ? TOY_QUESTIONS : QUESTIONS).map((question) => (
          <li key={question}>
            <button type="button" onClick={() => ask(question)}>
              {question}
            </button>
          </li>
        ))}
      </ul>
    </div>
  )
}

/** Nothing can answer yet: says how a model or a machine comes in. */
const EmptyNote = () => (
  <aside class="toy" aria-label="No model yet">
    <p>
      <strong>No machine has a model ready.</strong> One that is loading answers by itself when it
      is done. To bring one in:
    </p>
    <p>
      <a class="link" href="./console/#/machines">
        Add a machine
      </a>{' '}
      in the console that brings one along, or start HAIF with a model:
    </p>
    <code>npm start -- --model hf:Qwen/Qwen3-4B-GGUF:Q4_K_M</code>
  </aside>
)

const ToyNote = () => (
  <aside class="toy" aria-label="About the built-in model">
    <p>
      <strong>{BUILTIN} is a toy.</strong> It has 1 MB, comes with HAIF and shows that the mesh
      works. It knows some facts about HAIF and small sums; it is not a useful assistant.
    </p>
    <p>For real work, start HAIF with a real model, for example:</p>
    <code>npm start -- --model hf:Qwen/Qwen3-4B-GGUF:Q4_K_M</code>
  </aside>
)
