#!/bin/sh
# Tells what goes wrong and what is over, as it happens: curl and jq on any machine, with JR_API_URL, and where it takes
# a token (role `read`) JR_TOKEN. It goes on where it was; where the server cannot, it tells anew what is open, and not
# what has come and gone.
set -eu
seen=${1:-watch.seen} # the file that keeps the id of the last event
pause=${WATCH_PAUSE:-5}

ask() { # PATH [OPTIONS OF CURL]
  path=$1
  shift
  curl --silent --show-error --fail-with-body ${JR_TOKEN:+--header "Authorization: Bearer $JR_TOKEN"} "$@" "$JR_API_URL$path"
}

tell() { # one line for each incident: put in its place what should happen
  jq --raw-output '"\(.change): \(.incident | "\(.job_id // "the runner") \(.cause) \(.what // "")")"'
}

event='' id=''
while :; do
  last=$(cat "$seen" 2>/dev/null || true)
  # Every 15 s something comes, if only a comment: a connection in which nothing does for 45 s is gone.
  ask '/events?kind=alert' --no-buffer --speed-limit 1 --speed-time 45 ${last:+--header "Last-Event-ID: $last"} |
    while IFS= read -r line; do
      case $line in
        'id: '*) id=${line#id: } ;;
        'event: '*) event=${line#event: } ;;
        'data: '*)
          case $event in
            ready | reset)
              until open=$(ask '/alerts?limit=1000'); do sleep "$pause"; done
              printf '%s\n' "$open" | jq --compact-output '.incidents[] | {change: "open", incident: .}' | tell
              ;;
            alert) printf '%s\n' "${line#data: }" | tell ;;
          esac
          ;;
        '') [ -z "$id" ] || echo "$id" >"$seen" ;;
      esac
    done || true
  sleep "$pause"
done
