/** Notices at the edge of the page, and the line that screen readers read. */
import { Icon } from './icons.tsx'
import { announcement, dismiss, notices } from './notices.ts'

export const NoticeList = () => (
  <>
    <div class="notices" role="status">
      {notices.value.map(({ id, text, action }) => (
        <div class="notice" key={id}>
          <span>{text}</span>
          {action !== undefined && (
            <button type="button" class="link" onClick={() => (action.act(), dismiss(id))}>
              {action.label}
            </button>
          )}
          <button
            type="button"
            class="quiet small"
            aria-label="Dismiss"
            onClick={() => dismiss(id)}
          >
            <Icon name="close" />
          </button>
        </div>
      ))}
    </div>
    <div class="sr-only" role="status" aria-live="polite">
      {announcement.value}
    </div>
  </>
)
