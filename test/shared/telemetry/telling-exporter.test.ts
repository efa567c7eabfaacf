/** A collector that is away, as its users see it in the log. */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { TellingExporter } from '#shared/telemetry/telling-exporter.ts'
import { recordingLogger } from '../../helpers/peers/peer-log.ts'

test('says once that traces are not taken, and once that they are again', async (t) => {
  let status = 400 // one that is not tried again
  const server = createServer((request, response) => {
    request.resume().on('end', () => response.writeHead(status).end('{}'))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  const { port } = server.address() as AddressInfo
  const url = `http://127.0.0.1:${port}/v1/traces`
  const exporter = new TellingExporter(new OTLPTraceExporter({ url }))
  t.after(() => exporter.shutdown())
  const { log, lines } = recordingLogger('info')
  exporter.logTo(log)
  const send = () => new Promise<void>((resolve) => exporter.export([], () => resolve()))

  await send()
  await send()
  status = 200
  await send()
  await send()
  assert.deepEqual(
    lines.map(({ msg }) => msg),
    [
      'the collector does not take traces, and they are dropped: is OTEL_EXPORTER_OTLP_ENDPOINT right?',
      'the collector takes traces again'
    ]
  )
})
