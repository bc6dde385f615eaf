#!/usr/bin/env bash
# check_rooms.sh [SRC]: every #include "room/..." must be allowed by SRC/rooms.txt, and every file must keep to the
# house's limits (lines of 110, files of 600, no open ends). Prints file:line of each breach; status 1 if there is one.
set -euo pipefail
src=${1:-$(cd "$(dirname "$0")/../.." && pwd)/src}
export LC_ALL=C # awks differ in whether they count bytes or characters; so: bytes, less those that only continue one
find "$src" -mindepth 2 -name '*.h' -o -mindepth 2 -name '*.cpp' | sort | xargs awk -v src="$src/" '
  function breach(text) { print FILENAME ":" FNR ": " text; failed = 1 }
  BEGIN {
    while ((getline line < (src "rooms.txt")) > 0) {
      if (line !~ /^[a-z_]+:/) continue
      room = line; sub(/:.*/, "", room); known[room] = 1; may[room, room] = 1
      sub(/^[a-z_]+:/, "", line); n = split(line, allowed, " ")
      for (i = 1; i <= n; i++) may[room, allowed[i]] = 1
    }
  }
  FNR == 1 { room = substr(FILENAME, length(src) + 1); sub(/\/.*/, "", room)
             if (!(room in known)) breach("the room " room " is not in rooms.txt") }
  FNR == (FILENAME ~ /_test.cpp$/ ? 701 : 601) { breach("over 600 lines (tests 700): is it one room or several?") }
  { characters = $0; gsub(/[\200-\277]/, "", characters) }
  length(characters) > 110 { breach("over 110 characters") }
  /(TO)(DO)|(FIX)(ME)|(X)(XX)/ { breach("an open end: finish it or file an issue") }
  /^#include "/ {
    other = $2; gsub(/"/, "", other); sub(/\/.*/, "", other)
    if (!((room, other) in may)) breach("room " room " may not include " other " (rooms.txt)")
  }
  END { exit failed }'
