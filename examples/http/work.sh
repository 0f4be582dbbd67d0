#!/bin/sh
# State and queues from a shell, by curl: a job's script, which has JR_API_URL and JR_TOKEN from the runner.
set -eu

call() { # METHOD PATH [JSON]
  curl --silent --show-error --fail-with-body --max-time 60 --request "$1" \
    --header "Authorization: Bearer $JR_TOKEN" --header 'Content-Type: application/json' \
    ${3+--data "$3"} "$JR_API_URL$2"
}

# Bring items in. An item that the queue knows already has null in the place of its number.
call POST /queues/letters/items '{"payloads": [{"to": "ada"}, {"to": "grace"}]}' >&2

# Work one item after the other; the first claim waits up to 5 s for one.
count=0
while claimed=$(call POST '/queues/letters/claim?wait=5s' '{"count": 1}') && [ "$(echo "$claimed" | jq '.items | length')" = 1 ]; do
  id=$(echo "$claimed" | jq '.items[0].id')
  token=$(echo "$claimed" | jq '.items[0].lease_token')
  echo "a letter to $(echo "$claimed" | jq -r '.items[0].payload.to')"
  count=$((count + 1))
  # The answer and what it brings about, both or neither.
  call POST /transaction "{\"operations\": [
    {\"op\": \"set_item\", \"namespace\": \"letters\", \"key\": \"written\", \"item_key\": \"$id\"},
    {\"op\": \"complete\", \"id\": $id, \"lease_token\": $token}]}" >&2
  [ "$count" -lt 2 ] || break
done

call PUT /state/letters/count "{\"value\": $count}" >&2
echo "JR_RESULT:{\"meta\": $(call GET /state/letters/count/value)}"
