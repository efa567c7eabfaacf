#!/bin/sh
# curl: the models, a whole answer, one that streams, and HAIF's own endpoint.
set -eu
url=${HAIF_URL:-http://127.0.0.1:8080}
model=${HAIF_MODEL:-haif-tiny}

ask() { # ask PATH BODY [curl's options]
  path=$1 body=$2
  shift 2
  curl -sS --fail-with-body "$@" "$url$path" -H 'content-type: application/json' \
    -H "authorization: Bearer ${HAIF_TOKEN:-any}" -d "$body"
  echo
}
question='"messages": [{"role": "user", "content": "What is HAIF?"}], "max_tokens": 40'

curl -sS --fail-with-body "$url/v1/models" -H "authorization: Bearer ${HAIF_TOKEN:-any}"
echo
ask /v1/chat/completions "{\"model\": \"$model\", $question}"
ask /v1/chat/completions "{\"model\": \"$model\", $question, \"stream\": true}" -N
ask /infer "{\"model\": \"$model\", \"prompt\": \"What is HAIF?\", \"max_tokens\": 40}"
