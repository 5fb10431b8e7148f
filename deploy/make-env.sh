#!/bin/sh
# Writes .env: compose.env.example with every empty password and secret filled in, for your eyes alone. One that is there stays, since what
# the volumes hold was made with its passwords.
set -eu
umask 077
folder=$(dirname "$0")
file=$folder/../.env
if [ -s "$file" ]; then
  echo ".env is there already: edit it, or move it away for new passwords (what the volumes hold still has the old ones)." >&2
  exit 1
fi
trap 'rm -f "$file.new"' EXIT
trap 'exit 1' HUP INT TERM
while IFS= read -r line; do
  case $line in
    STRIPE_*) ;;
    *_PASSWORD= | *_SECRET=) line=${line}s$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n') ;;
  esac
  printf '%s\n' "$line"
done < "$folder/compose.env.example" > "$file.new"
mv "$file.new" "$file"
