/**
 * Receives alerts from Alertmanager and writes each as one line, so that a deployment shows its
 * alerts before anybody has configured a receiver. PORT, 9095; GET / answers that it runs.
 */
import { createServer, type IncomingMessage } from 'node:http'
import process from 'node:process'
import { readInteger } from '#shared/process/config.ts'
import { createLogger } from '#shared/process/log.ts'

/** Alertmanager groups alerts; a group is far smaller. */
const BODY_BYTES_MAX = 1024 * 1024

interface Alert {
  status: string
  labels: Record<string, string>
  annotations: Record<string, string>
}

const log = createLogger('info', 'alert-log')
const port = readInteger(process.env, 'PORT', { default: 9095, min: 0, max: 65_535 })

const server = createServer((request, response) => {
  const answer = (status: number) => response.writeHead(status).end()
  if (request.method !== 'POST') return answer(200)
  readAlerts(request).then(
    (alerts) => {
      for (const { status, labels, annotations } of alerts) {
        const { alertname: alert, ...rest } = labels
        const { summary, runbook_url: runbook } = annotations
        const event = { alert, status, labels: rest, runbook }
        if (status === 'resolved') log.info(event, `resolved: ${summary ?? alert}`)
        else log.warn(event, summary ?? 'alert')
      }
      return answer(200)
    },
    (error: unknown) => {
      log.error({ err: error }, 'not an alert')
      return answer(400)
    }
  )
})
server.listen(port, () => log.info({ port }, 'alert log is up'))
process.once('SIGTERM', () => process.exit(0))

async function readAlerts(request: IncomingMessage): Promise<Alert[]> {
  let body = ''
  for await (const chunk of request.setEncoding('utf8')) {
    body += chunk as string
    if (body.length > BODY_BYTES_MAX) throw new Error('larger than any group of alerts')
  }
  return (JSON.parse(body) as { alerts: Alert[] }).alerts
}
