#!/bin/sh
# Offers to delete what Stillroom keeps in the home of the user who runs it, each with its size.
#   remove_data.sh [--delete cuda,models,chats]
# On a terminal it asks about each, and the answer is no unless it is yes; elsewhere it keeps all but what --delete names.
set -eu

named=
while [ $# -gt 0 ]; do
  case $1 in
    --delete) named=${2:?--delete needs some of cuda,models,chats}; shift ;;
    *) echo "Unknown option $1. Known is: --delete cuda,models,chats" >&2; exit 2 ;;
  esac
  shift
done
for word in $(echo "$named" | tr , ' '); do
  case $word in
    cuda | models | chats) ;;
    *) echo "--delete knows cuda, models and chats, not $word" >&2; exit 2 ;;
  esac
done

# The folders of app/base/paths.py.
if [ "${STILLROOM_HOME:-}" ]; then
  data=$STILLROOM_HOME/data cache=$STILLROOM_HOME/cache settings=$STILLROOM_HOME/config/settings.json
else
  data=${XDG_DATA_HOME:-${HOME:?}/.local/share}/stillroom cache=${XDG_CACHE_HOME:-$HOME/.cache}/stillroom
  settings=${XDG_CONFIG_HOME:-$HOME/.config}/stillroom/settings.json
fi

# A window that is open would write its chats again, into a file that has no name any more.
here=$(cd "$(dirname "$0")" && pwd -P)
if find /proc/[0-9]*/exe -prune -printf '%l\n' 2>/dev/null | {
  while IFS= read -r exe; do
    case $exe in "$here"/* | */lib/stillroom/* | */lib/stillroom.[ab]/*) exit 0 ;; esac
  done
  exit 1
}; then
  echo "Stillroom is running. Close its window, then start this again." >&2
  exit 1
fi

# offer WORD DESCRIPTION FILE...
offer() {
  word=$1 description=$2
  shift 2
  for file in "$@"; do
    shift
    [ ! -e "$file" ] || set -- "$@" "$file"
  done
  [ $# -gt 0 ] || return 0
  size=$(du -skc "$@" | awk 'END { k = $1 * 1.024; if (k >= 1e6) printf "%.1f GB", k / 1e6; else printf "%.0f MB", k / 1e3 }')
  case ,$named, in
    *,$word,*) answer=y ;;
    *)
      answer=
      if [ -t 0 ]; then
        printf 'Delete %s (%s)? [y/N] ' "$description" "$size"
        read -r answer || answer=
      fi ;;
  esac
  case $answer in
    y | Y | yes | Yes)
      rm -rf "$@"
      echo "Deleted: $description ($size)." ;;
    *) echo "Kept: $description ($size) in ${1%/*}." ;;
  esac
}

offer cuda "NVIDIA's CUDA libraries" "$data/cuda"
offer models "your models and what was downloaded for them" "$data/models" "$data/checkpoints" "$data/jobs"
# Where the user moved the models to, there may be other things beside them.
moved=$(sed -nE 's/.*"models_folder": *"(([^"\\]|\\.)*)".*/\1/p' "$settings" 2>/dev/null | sed 's/\\\(.\)/\1/g')
[ -z "$moved" ] || [ ! -d "$moved" ] || printf 'Kept: your models in %s, where you moved them.\n' "$moved"
offer chats "your chats and their backups" "$data"/chats* "$cache/chat-states"
