/** `npm run docs`: writes docs/errors.md from the table in shared/errors.ts. */
import { writeFileSync } from 'node:fs'
import { ERRORS } from '#shared/errors.ts'

export const ERRORS_PAGE = new URL('../errors.md', import.meta.url)

export function errorsPage(): string {
  const rows = Object.entries(ERRORS).map(
    ([code, { httpStatus, retryable, raisedBy, meaning, remedy }]) =>
      `| \`${code}\` | ${httpStatus} | ${retryable ? 'yes' : 'no'} | ${raisedBy} ` +
      `| ${meaning} ${remedy} |`
  )
  return `${HEAD}\n${rows.join('\n')}\n`
}

const HEAD = `# Errors

<!-- Generated from shared/errors.ts by \`npm run docs\`. -->

Every expected failure has one of these codes. Over HTTP it arrives as

\`\`\`json
{ "error": { "code": "MODEL_NOT_FOUND", "message": "no worker holds llama", "request_id": "…" } }
\`\`\`

with the status below, and with \`Retry-After\` where waiting helps. In a stream that has begun
it arrives as an \`error\` event with the same object. The code is the API; the message is for
people and may change. "Tried elsewhere" says whether HAIF itself tries another peer before the
client hears of the failure, as long as no token has been sent and the deadline allows it.
"Raised by" names the service or the folder whose code makes the error; one made in a
\`shared/\` folder can come from any service that uses it.

| code | HTTP | tried elsewhere | raised by | what it means, and what to do |
|---|---|---|---|---|`

if (import.meta.main) writeFileSync(ERRORS_PAGE, errorsPage())
