/** ‹ 1/2 › : the wordings of a question, or the answers to it. */
import { show } from '../chat/asking.ts'
import { placeOf, type Conversation } from '../chat/tree.ts'
import { Icon } from '../../../ui/icons.tsx'

interface BranchesProps {
  conversation: Conversation
  id: string
  /** `question`, `answer` */
  of: string
}

export function Branches({ conversation, id, of }: BranchesProps) {
  const { index, ids } = placeOf(conversation, id)
  if (ids.length < 2) return null
  const step = (by: number) => {
    const next = ids[index + by]
    if (next !== undefined) show(next)
  }
  return (
    <span class="branches" role="group" aria-label={`${of} ${index + 1} of ${ids.length}`}>
      <button
        type="button"
        class="quiet small"
        aria-label={`previous ${of}`}
        disabled={index === 0}
        onClick={() => step(-1)}
      >
        <Icon name="left" />
      </button>
      <span>
        {index + 1}/{ids.length}
      </span>
      <button
        type="button"
        class="quiet small"
        aria-label={`next ${of}`}
        disabled={index === ids.length - 1}
        onClick={() => step(1)}
      >
        <Icon name="right" />
      </button>
    </span>
  )
}
