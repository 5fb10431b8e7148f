#!/bin/sh
# Prints compose.env.example with every empty password and secret filled in: sh deploy/make-env.sh > .env
set -eu
umask 077
while IFS= read -r line; do
  case $line in
    STRIPE_*) ;;
    *_PASSWORD= | *_SECRET=) line=${line}s$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n') ;;
  esac
  printf '%s\n' "$line"
done < "$(dirname "$0")/compose.env.example"
