#!/bin/sh
# Installs Stillroom for the user who runs it, without root; the .run starts this from where it unpacked itself.
#   install.sh [--uninstall [--delete cuda,models,chats]] [--prefix DIR]      DIR: ~/.local
# An upgrade never touches models, chats and settings. On a terminal --uninstall asks what to delete of them; elsewhere
# it keeps all but what --delete names.
#
# DIR/lib/stillroom is a link to DIR/lib/stillroom.a or stillroom.b. A new version is written whole into the one that is
# not in use, and then the link is replaced: whenever this ends, by a kill or a full disk too, the old version is there
# or the new one.
set -eu

# The login shell of an ordinary user of Debian does not look there.
PATH=$PATH:/usr/sbin:/sbin
prefix=${HOME:?}/.local
remove=
delete=
while [ $# -gt 0 ]; do
  case $1 in
    --uninstall) remove=yes ;;
    --delete) delete=${2:?--delete needs some of cuda,models,chats}; shift ;;
    --prefix) prefix=${2:?--prefix needs a folder}; shift ;;
    *) echo "Unknown option $1. Known are: --uninstall, --delete WHAT, --prefix DIR" >&2; exit 2 ;;
  esac
  shift
done

here=$(cd "$(dirname "$0")" && pwd)
program=$prefix/lib/stillroom
shared='applications/stillroom.desktop metainfo/stillroom.metainfo.xml mime/packages/stillroom.xml
icons/hicolor/scalable/apps/stillroom.svg'
for size in 16 24 32 48 64 128 256; do
  shared="$shared icons/hicolor/${size}x$size/apps/stillroom.png"
done

# The system names programs by the places that links lead to.
running() {
  real=$(readlink -f "$prefix/lib" || echo "$prefix/lib")/stillroom
  find /proc/[0-9]*/exe -prune -printf '%l\n' 2>/dev/null | {
    while IFS= read -r exe; do
      case $exe in "$real"/* | "$real".[ab]/*) exit 0 ;; esac
    done
    exit 1
  }
}

# The desktop's caches; a desktop without these programs needs none of them.
if_there() {
  command -v "$1" > /dev/null && "$@" > /dev/null 2>&1 || true
}

refresh() {
  if_there update-desktop-database -q "$prefix/share/applications"
  if_there update-mime-database "$prefix/share/mime"
  if_there gtk-update-icon-cache -q -t -f "$prefix/share/icons/hicolor"
}

if running; then
  echo "Stillroom is running. Close its window, then start this again." >&2
  exit 1
fi

if [ "$remove" ]; then
  sh "$here/remove_data.sh" ${delete:+--delete "$delete"}
  # What starts it goes first, and what can remove the rest last.
  for file in $shared; do rm -f "$prefix/share/$file" "$prefix/share/$(dirname "$file")/.stillroom"; done
  [ "$(readlink "$prefix/bin/stillroom" || true)" != "$program/stillroom" ] || rm "$prefix/bin/stillroom"
  rm -rf "$prefix/bin/.stillroom" "$program.link" "$program.a" "$program.b" "$program"
  refresh
  # Caches that were made for Stillroom's entries alone go too; folders with something in them stay.
  if [ -z "$(ls "$prefix/share/mime/packages" 2>/dev/null)" ]; then
    for cache in XMLnamespaces aliases generic-icons globs globs2 icons magic mime.cache subclasses treemagic \
        types version; do
      rm -f "$prefix/share/mime/$cache"
    done
  fi
  [ "$(ls "$prefix/share/applications" 2>/dev/null)" != mimeinfo.cache ] ||
    rm "$prefix/share/applications/mimeinfo.cache"
  [ "$(ls "$prefix/share/icons/hicolor" 2>/dev/null | grep -v 'x\|scalable')" != icon-theme.cache ] ||
    find "$prefix/share/icons/hicolor" -name '*.png' -o -name '*.svg' | grep -q . ||
    rm "$prefix/share/icons/hicolor/icon-theme.cache"
  for folder in applications metainfo mime icons/hicolor; do
    [ ! -d "$prefix/share/$folder" ] || find "$prefix/share/$folder" -depth -type d -empty -delete
  done
  rmdir "$prefix/bin" "$prefix/lib" "$prefix/share/icons" 2>/dev/null || true
  echo "Stillroom is removed."
  exit 0
fi

needed=@GLIBC@
found=$(getconf GNU_LIBC_VERSION 2>/dev/null | sed 's/^glibc //')
if [ -z "$found" ] || [ "$(printf '%s\n' "$needed" "$found" | sort -V | head -n 1)" != "$needed" ]; then
  echo "Stillroom needs glibc $needed or newer; this system has ${found:-another C library}. (Debian 12 has 2.36, Ubuntu 24.04 2.39, Debian 13 2.41.)" >&2
  exit 1
fi

if ! mkdir -p "$prefix/lib" "$prefix/bin" "$prefix/share" || [ ! -w "$prefix/lib" ]; then
  echo "Stillroom cannot be installed in $prefix, where nothing can be written. Choose another folder with --prefix DIR." >&2
  exit 1
fi
# What a killed one left may still be copying.
if command -v flock > /dev/null; then
  exec 9< "$prefix/lib"
  if ! flock -w 60 9; then
    echo "Another installation of Stillroom is going on. Wait for its end, then start this again." >&2
    exit 1
  fi
fi

# put FILE PLACE: moves FILE, which lies beside PLACE, there in one step.
put() {
  mv -fT "$1" "$2"
}

case $(readlink "$program" || true) in stillroom.a) new=stillroom.b ;; *) new=stillroom.a ;; esac
give_up() {
  rm -rf "$prefix/lib/$new"
  echo "Stillroom could not be installed. What was there before is as it was." >&2
}
trap give_up EXIT
rm -rf "$prefix/lib/$new"
cp -a "$here/stillroom" "$prefix/lib/$new"
cp "$here/install.sh" "$here/remove_data.sh" "$prefix/lib/$new/"
# Else the link may be on the disk before what it leads to.
sync -f "$prefix/lib/$new" 2>/dev/null || sync
if [ -d "$program" ] && [ ! -L "$program" ]; then
  # Copied there by hand.
  rm -rf "$program.b"
  mv "$program" "$program.b"
fi
ln -sfn "$new" "$program.link"
put "$program.link" "$program"
trap - EXIT
ln -sfn "$program/stillroom" "$prefix/bin/.stillroom"
put "$prefix/bin/.stillroom" "$prefix/bin/stillroom"
# The menu does not look along the path of a login shell. Quoted as
# https://specifications.freedesktop.org/desktop-entry-spec/latest/exec-variables.html asks for.
quoted=$(printf '%s' "$program/stillroom" | sed 's/\\/\\\\\\\\/g; s/["`$]/\\\\&/g; s/%/%%/g')
for file in $shared; do
  folder=$prefix/share/$(dirname "$file")
  mkdir -p "$folder"
  case $file in
    *.desktop)
      path=$quoted awk '/^TryExec=/ { next } sub(/^Exec=stillroom/, "") { $0 = "Exec=\"" ENVIRON["path"] "\"" $0 } 1' \
        "$here/share/$file" > "$folder/.stillroom" ;;
    *) cp "$here/share/$file" "$folder/.stillroom" ;;
  esac
  put "$folder/.stillroom" "$prefix/share/$file"
done
# One that was started meanwhile keeps the version before until the next time.
running || for old in stillroom.a stillroom.b; do [ $old = $new ] || rm -rf "$prefix/lib/$old"; done
refresh
# Where nothing lists the system's libraries, nothing is known to be missing.
needed='libEGL.so.1 libGL.so.1 libfontconfig.so.1'
case $(uname -m) in aarch64) needed="$needed libSM.so.6 libICE.so.6" ;; esac
missing=
if libraries=$(ldconfig -p 2>/dev/null); then
  for library in $needed; do
    case $libraries in *"$library "*) ;; *) missing="$missing $library" ;; esac
  done
fi
echo "Stillroom is installed: $prefix/bin/stillroom, and in the menu."
[ -z "$missing" ] || echo "Its window needs these libraries of the system, which were not found:$missing"
echo "To remove it: sh $program/install.sh --uninstall"
