#!/bin/sh
# Jobs with curl: submit an analysis, follow it, read its tasks and its result.
set -eu

url=${HAIF_URL:-http://127.0.0.1:8080}
token="authorization: Bearer ${HAIF_TOKEN:-any}"
json='content-type: application/json'

job=$(curl -sS --fail-with-body "$url/v1/jobs" -H "$token" -H "$json" \
  -H "idempotency-key: tickets-$$" -d '{
    "type": "batch_analysis",
    "priority": "interactive",
    "model": "'"${HAIF_MODEL:-haif-tiny}"'",
    "input": {
      "prompt": "Analyze these tickets",
      "tickets": ["The printer is on fire", "The printer smokes", "The door does not open"]
    }
  }' | sed -n 's/.*"job_id":"\([^"]*\)".*/\1/p')
echo "$job"

# Events until the job has ended. A reader that is cut off comes back with Last-Event-ID.
curl -sS --fail-with-body -N "$url/v1/jobs/$job/stream" -H "$token"

curl -sS --fail-with-body "$url/v1/jobs/$job/tasks" -H "$token"
echo
curl -sS --fail-with-body "$url/v1/jobs/$job" -H "$token"
echo
