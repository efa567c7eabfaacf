/** An answer: its text, how it came about, and what can be done with it. */
import { stop, writingOf, type Writing } from '../chat/answering.ts'
import { askInNewChat, goOn, retry } from '../chat/asking.ts'
import {
  canContinue,
  parentOf,
  pathTo,
  type AnswerFacts,
  type AnswerMessage,
  type Conversation
} from '../chat/tree.ts'
import { Markdown } from '../markdown/markdown.tsx'
import { Action, CopyAction } from '../../../ui/action.tsx'
import { Branches } from './branches.tsx'
import { FailureBox } from '../../../ui/failure-box.tsx'
import { duration, rate, shortKey } from '../../../ui/format.ts'
import { openPanel } from '../../../ui/panels.ts'
import { editing } from './question.tsx'
import { Waiting } from './waiting.tsx'

interface AnswerProps {
  conversation: Conversation
  message: AnswerMessage
}

export function Answer({ conversation, message }: AnswerProps) {
  const writing = writingOf(message.id)?.value
  const { text, reasoning } = writing ?? message
  const isWriting = writing !== undefined
  return (
    <article class="answer" aria-label="Answer" aria-busy={isWriting}>
      {reasoning !== '' && <Reasoning text={reasoning} thinking={isWriting && text === ''} />}
      {text !== '' && <Markdown text={text} growing={isWriting} />}
      {writing !== undefined && text === '' && reasoning === '' && <Waiting writing={writing} />}
      {message.failure !== undefined && (
        <FailureBox
          failure={message.failure}
          onRetry={() => retry(message.id)}
          onEdit={() => (editing.value = parentOf(conversation, message.id))}
          onNewChat={() => askInNewChat(parentOf(conversation, message.id))}
        />
      )}
      {writing === undefined ? (
        <Ended conversation={conversation} message={message} />
      ) : (
        <WritingFoot id={message.id} writing={writing} />
      )}
    </article>
  )
}

function Reasoning({ text, thinking }: { text: string; thinking: boolean }) {
  return (
    <details class="reasoning">
      <summary>{thinking ? 'Thinking …' : 'What it thought first'}</summary>
      <div class="reasoning-text">{text}</div>
    </details>
  )
}

function WritingFoot({ id, writing }: { id: string; writing: Writing }) {
  const { firstTokenMs, startedAt, tokens } = writing
  const seconds = firstTokenMs === null ? 0 : (performance.now() - startedAt - firstTokenMs) / 1000
  return (
    <footer class="actions">
      <button type="button" class="plain small" onClick={() => stop(id)}>
        Stop <kbd>Esc</kbd>
      </button>
      {tokens > 1 && (
        <span class="facts">
          {tokens} tokens · {rate((tokens - 1) / seconds)}
        </span>
      )}
    </footer>
  )
}

function Ended({ conversation, message }: AnswerProps) {
  const { id, text, state, facts } = message
  return (
    <footer class="answer-foot">
      {state === 'stopped' && <p class="mark-line">Stopped here.</p>}
      {facts?.finishReason === 'length' &&
        (facts.contextFull === true ? (
          <ContextFull conversation={conversation} message={message} />
        ) : (
          <p class="mark-line">
            Cut off at the longest answer that this chat allows.{' '}
            <button type="button" class="link" onClick={() => openPanel('settings')}>
              Change it
            </button>
          </p>
        ))}
      <div class="actions">
        {canContinue(message) && (
          <button type="button" class="plain small" onClick={() => goOn(id)}>
            Continue
          </button>
        )}
        <Branches conversation={conversation} id={id} of="answer" />
        {text !== '' && <CopyAction text={text} label="Copy the answer" />}
        <Action icon="retry" label="Answer again" onClick={() => retry(id)} />
        {facts !== undefined && <Facts facts={facts} />}
      </div>
    </footer>
  )
}

function ContextFull({ conversation, message }: AnswerProps) {
  const questionId = parentOf(conversation, message.id)
  if (pathTo(conversation, questionId).length === 1) {
    return (
      <p class="mark-line">
        Cut off here: question and answer are all that this model can read at once.
      </p>
    )
  }
  return (
    <p class="mark-line">
      Cut off here: this chat is now as long as the model can read at once, and it has no room for
      more.{' '}
      <button type="button" class="link" onClick={() => askInNewChat(questionId)}>
        Ask in a new chat
      </button>
    </p>
  )
}

function Facts({ facts }: { facts: AnswerFacts }) {
  const { tokensPerSecond, firstTokenMs, tokens, model, worker, attempts } = facts
  return (
    <ul class="facts" aria-label="How it was answered">
      <li>{model}</li>
      {tokensPerSecond !== undefined && <li>{rate(tokensPerSecond)}</li>}
      <li>first token after {duration(firstTokenMs)}</li>
      <li>
        {tokens} token{tokens === 1 ? '' : 's'}
      </li>
      {worker !== undefined && <li title={`Worker ${worker}`}>worker {shortKey(worker)}</li>}
      {attempts > 1 && (
        <li class="attempts" title="A worker failed, and another one took the answer over.">
          {attempts} attempts: failed over
        </li>
      )}
    </ul>
  )
}
