/**
 * Every metric of HAIF, once: its name as Prometheus shows it, what it means, and its labels. Code
 * measures through this table, and dashboards and alerts are checked against a live /metrics, so a
 * name that is changed here cannot leave an empty panel behind.
 *
 * `gen_ai_*` follow OpenTelemetry's conventions for generative AI, whose JavaScript constants are
 * still marked as in development; so the names are strings here, with the convention's buckets.
 * The exporter adds no unit to a name, so each says its own.
 */

/** An answer may take minutes. */
const LONG_SECONDS = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600
] as const
/** https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics/ */
const FIRST_TOKEN_SECONDS = [
  0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10
] as const
const PER_TOKEN_SECONDS = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1, 2.5
] as const
const CALL_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 2.5] as const

interface Definition {
  kind: 'counter' | 'gauge' | 'histogram'
  help: string
  labels: readonly string[]
  /** Upper bounds, of a histogram. */
  buckets?: readonly number[]
}

export const METRICS = {
  // The HTTP edge
  haif_http_requests_total: {
    kind: 'counter',
    help: 'HTTP requests that have ended; status 499: the client went away',
    labels: ['route', 'method', 'status']
  },
  haif_http_request_duration_seconds: {
    kind: 'histogram',
    help: 'From the headers of a request to the end of its reply',
    labels: ['route', 'method', 'status'],
    buckets: LONG_SECONDS
  },
  haif_http_requests_in_flight: {
    kind: 'gauge',
    help: 'HTTP requests that have not ended',
    labels: []
  },
  haif_errors_total: {
    kind: 'counter',
    help: 'Errors reported to clients, by code',
    labels: ['code']
  },
  haif_time_to_first_token_seconds: {
    kind: 'histogram',
    help: 'From a read request to its first token, at the HTTP edge',
    labels: [],
    buckets: FIRST_TOKEN_SECONDS
  },
  haif_tokens_total: {
    kind: 'counter',
    help: 'Tokens of finished requests: prompt (cached ones included), cached, completion',
    labels: ['kind']
  },

  // Requests, at each service that serves them
  haif_requests_total: {
    kind: 'counter',
    help: 'Inferences that a service has served to their end; code OK or an error code',
    labels: ['service', 'code']
  },
  haif_request_duration_seconds: {
    kind: 'histogram',
    help: 'From the arrival of an inference at a service to its end',
    labels: ['service'],
    buckets: LONG_SECONDS
  },
  haif_requests_running: {
    kind: 'gauge',
    help: 'Inferences that a service serves now',
    labels: ['service']
  },

  // Gateway
  haif_tenant_requests_total: {
    kind: 'counter',
    help: 'Finished requests of a tenant; tenant none: no tenant was named',
    labels: ['tenant', 'code']
  },
  haif_tenant_tokens_total: {
    kind: 'counter',
    help: 'Tokens of finished requests of a tenant, by kind as in haif_tokens_total',
    labels: ['tenant', 'kind']
  },

  // Orchestrator
  haif_queue_depth: {
    kind: 'gauge',
    help: 'Requests that wait for a worker, by model',
    labels: ['model']
  },
  haif_queue_wait_seconds: {
    kind: 'histogram',
    help: 'From asking for a worker to having one',
    labels: [],
    buckets: LONG_SECONDS
  },
  haif_inter_token_latency_seconds: {
    kind: 'histogram',
    help: 'Mean time between two tokens of a request, as the orchestrator saw it, failovers included',
    labels: ['model'],
    buckets: PER_TOKEN_SECONDS
  },
  haif_attempts_total: {
    kind: 'counter',
    help: 'Attempts on workers, by outcome: succeeded, fenced, or an error code',
    labels: ['outcome']
  },
  haif_failovers_total: {
    kind: 'counter',
    help: 'Requests that another worker continued after a failed attempt',
    labels: []
  },
  haif_hedges_total: {
    kind: 'counter',
    help: 'Second attempts that were begun beside a silent one',
    labels: []
  },
  haif_prefix_hints_total: {
    kind: 'counter',
    help: 'Blocks of prompts in hints between orchestrators, by event: sent, received, dropped (too many at once, or Redis was away)',
    labels: ['event']
  },
  haif_breakers: {
    kind: 'gauge',
    help: 'Circuit breakers, one for each model on each worker, by state',
    labels: ['state']
  },
  haif_workers_ready: {
    kind: 'gauge',
    help: 'Workers that have a model ready, by model',
    labels: ['model']
  },
  haif_slots: {
    kind: 'gauge',
    help: 'Requests that the ready workers of a model can run at the same time',
    labels: ['model']
  },

  // Worker
  haif_model_requests: {
    kind: 'gauge',
    help: 'Requests of a model on this worker: running, or waiting for a slot',
    labels: ['model', 'state']
  },
  haif_model_slots: {
    kind: 'gauge',
    help: 'Requests that a model can run at the same time on this worker',
    labels: ['model']
  },
  haif_model_tokens_per_second: {
    kind: 'gauge',
    help: 'Measured speed of one request, by phase: prefill, decode',
    labels: ['model', 'phase']
  },
  haif_model_state: {
    kind: 'gauge',
    help: '1 for the state that a model is in: loading, ready, failed, loadable',
    labels: ['model', 'state']
  },
  haif_model_loads_total: {
    kind: 'counter',
    help: 'Models loaded, by outcome: ready or failed',
    labels: ['model', 'outcome']
  },
  haif_model_load_seconds: {
    kind: 'histogram',
    help: 'Time to load a model, downloads included',
    labels: ['model'],
    buckets: LONG_SECONDS
  },
  haif_model_tokens_total: {
    kind: 'counter',
    help: 'Tokens that this worker has read and written, by kind as in haif_tokens_total',
    labels: ['model', 'kind']
  },
  haif_kv_cache_tokens: {
    kind: 'gauge',
    help: 'Tokens in the KV cache of a model on this worker: of requests that are running, or kept of ended ones until their room is needed',
    labels: ['model', 'state']
  },
  haif_kv_cache_tokens_max: {
    kind: 'gauge',
    help: 'Tokens that the KV cache of a model on this worker has room for',
    labels: ['model']
  },
  haif_engine_queue_seconds: {
    kind: 'histogram',
    help: 'Time that a request waited for a slot on the worker',
    labels: ['model'],
    buckets: LONG_SECONDS
  },
  gen_ai_server_request_duration: {
    kind: 'histogram',
    help: 'gen_ai.server.request.duration, seconds',
    labels: ['gen_ai_request_model', 'error_type'],
    buckets: [
      0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92
    ]
  },
  gen_ai_server_time_to_first_token: {
    kind: 'histogram',
    help: 'gen_ai.server.time_to_first_token, seconds: waiting for a slot and prefill',
    labels: ['gen_ai_request_model'],
    buckets: FIRST_TOKEN_SECONDS
  },
  gen_ai_server_time_per_output_token: {
    kind: 'histogram',
    help: 'gen_ai.server.time_per_output_token, seconds: mean over the tokens after the first',
    labels: ['gen_ai_request_model'],
    buckets: PER_TOKEN_SECONDS
  },

  // The mesh, at each service
  haif_relay_streams: {
    kind: 'gauge',
    help: 'Connections of members that this process relays',
    labels: []
  },
  haif_relay_bytes_total: {
    kind: 'counter',
    help: 'Bytes that this process has relayed',
    labels: []
  },
  haif_relay_refusals_total: {
    kind: 'counter',
    help: 'Connections that the relay has refused or ended, by reason: stranger, guests, streams, pending, bytes',
    labels: ['reason']
  },
  haif_peers: {
    kind: 'gauge',
    help: 'Peers with an open connection, by role and path: local, lan, direct or relayed',
    labels: ['service', 'role', 'path']
  },
  haif_link_rtt_seconds: {
    kind: 'gauge',
    help: 'Round trip of the slowest connection, by role and path; 0 within a machine',
    labels: ['service', 'role', 'path']
  },
  haif_link_loss_ratio: {
    kind: 'gauge',
    help: 'Packets that were lost lately on the worst connection, by role and path',
    labels: ['service', 'role', 'path']
  },
  haif_peer_connections_total: {
    kind: 'counter',
    help: 'Connections to peers, by what became of them: open, lost',
    labels: ['service', 'role', 'event']
  },
  haif_rpc_duration_seconds: {
    kind: 'histogram',
    help: 'Calls to peers, from asking to the reply, by method and code',
    labels: ['method', 'code'],
    buckets: CALL_SECONDS
  },
  haif_calls_refused_total: {
    kind: 'counter',
    help: 'Calls and streams refused because the role of the peer does not allow them',
    labels: ['method', 'role']
  },
  haif_dht_lookups_total: {
    kind: 'counter',
    help: 'Lookups of a topic on the DHT, by whether any node answered',
    labels: ['answered']
  },
  haif_dht_lookup_seconds: {
    kind: 'histogram',
    help: 'Time that a lookup on the DHT took',
    labels: [],
    buckets: CALL_SECONDS
  },

  // The process, at each service
  haif_process_memory_bytes: { kind: 'gauge', help: 'Memory of the process', labels: ['kind'] },
  haif_event_loop_lag_seconds: {
    kind: 'gauge',
    help: 'How late the event loop was since the last reading',
    labels: ['quantile']
  },
  haif_build_info: {
    kind: 'gauge',
    help: 'Always 1; the labels say what runs',
    labels: ['version']
  },

  // Databases and caches that HAIF depends on
  haif_dependency_up: {
    kind: 'gauge',
    help: '1 when Postgres or Redis has answered the last question, else 0',
    labels: ['dependency']
  },
  haif_dependency_latency_seconds: {
    kind: 'histogram',
    help: 'Time until Postgres or Redis answered, connecting included',
    labels: ['dependency'],
    buckets: CALL_SECONDS
  },
  // Jobs
  haif_queue_claimed_total: {
    kind: 'counter',
    help: 'Tasks of jobs that were claimed for a place, by type',
    labels: ['type']
  },
  haif_task_wait_seconds: {
    kind: 'histogram',
    help: 'From when a task could run to its claim',
    labels: ['type'],
    buckets: LONG_SECONDS
  },
  haif_task_attempt_seconds: {
    kind: 'histogram',
    help: 'Attempts that have run, by how they ended: completed, failed, returned, canceled',
    labels: ['type', 'outcome'],
    buckets: LONG_SECONDS
  },
  haif_task_leases_lost_total: {
    kind: 'counter',
    help: 'Leases of tasks that ran out, as their owner was lost',
    labels: []
  },
  haif_jobs_ended_total: {
    kind: 'counter',
    help: 'Jobs that have ended, by their state',
    labels: ['status']
  },
  haif_job_duration_seconds: {
    kind: 'histogram',
    help: 'From the submission of a job to its end',
    labels: ['status'],
    buckets: LONG_SECONDS
  },
  haif_tasks: {
    kind: 'gauge',
    help: 'Tasks of jobs that have not ended, queued or running',
    labels: ['status']
  },
  haif_dead_letter_count: {
    kind: 'gauge',
    help: 'Tasks that have used up their attempts and were not requeued',
    labels: []
  },
  haif_job_idle_seconds: {
    kind: 'gauge',
    help: 'Since the job that has not ended and waits longest has last changed',
    labels: []
  },

  haif_usage_spooled: {
    kind: 'gauge',
    help: 'Rows of usage on the disk of a gateway that wait to be written to Postgres',
    labels: []
  },
  haif_usage_dropped_total: {
    kind: 'counter',
    help: 'Rows of usage that are lost, by reason: full (no room in the spool), refused (by Postgres), disk (the spool could not be written)',
    labels: ['reason']
  },
  haif_store_query_seconds: {
    kind: 'histogram',
    help: 'Time of a statement in the database, the wait for a connection included; operation transaction: all of it; outcome ok, failed (bad input), or unavailable (away, or it refuses)',
    labels: ['operation', 'outcome'],
    buckets: CALL_SECONDS
  },
  haif_store_connections: {
    kind: 'gauge',
    help: 'Connections of this service to the database, by state: busy, idle',
    labels: ['state']
  },
  haif_store_waiting: {
    kind: 'gauge',
    help: 'Statements and transactions that wait for a connection to the database',
    labels: []
  }
} as const satisfies Record<string, Definition>

export type MetricName = keyof typeof METRICS
