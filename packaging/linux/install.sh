#!/bin/sh
# Installs Stillroom for the user who runs it, without root; the .run starts this from where it unpacked itself.
#   install.sh [--uninstall [--delete cuda,models,chats]] [--prefix DIR]      DIR: ~/.local
# An upgrade never touches models, chats and settings. On a terminal --uninstall asks what to delete of them; elsewhere
# it keeps all but what --delete names.
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

running() {
  for link in /proc/[0-9]*/exe; do
    case $(readlink "$link" 2>/dev/null || true) in "$program"/*) return 0 ;; esac
  done
  return 1
}

# The desktop's caches; a desktop without these programs needs none of them.
refresh() {
  for command in "update-desktop-database -q $prefix/share/applications" \
      "update-mime-database $prefix/share/mime" \
      "gtk-update-icon-cache -q -t -f $prefix/share/icons/hicolor"; do
    command -v "${command%% *}" > /dev/null && $command > /dev/null 2>&1 || true
  done
}

if running; then
  echo "Stillroom is running. Close its window, then start this again." >&2
  exit 1
fi

if [ "$remove" ]; then
  sh "$here/remove_data.sh" ${delete:+--delete "$delete"}
  rm -rf "$program"
  [ "$(readlink "$prefix/bin/stillroom" || true)" != "$program/stillroom" ] || rm "$prefix/bin/stillroom"
  for file in $shared; do rm -f "$prefix/share/$file"; done
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
  echo "Stillroom needs glibc $needed or newer (Debian 12, Ubuntu 24.04); this system has ${found:-another C library}." >&2
  exit 1
fi

mkdir -p "$prefix/lib" "$prefix/bin"
rm -rf "$program.new"
cp -a "$here/stillroom" "$program.new"
cp "$here/install.sh" "$here/remove_data.sh" "$program.new/"
rm -rf "$program.old"
[ ! -d "$program" ] || mv "$program" "$program.old"
mv "$program.new" "$program"
rm -rf "$program.old"
ln -sfn "$program/stillroom" "$prefix/bin/stillroom"
for file in $shared; do
  mkdir -p "$(dirname "$prefix/share/$file")"
  cp "$here/share/$file" "$prefix/share/$file"
done
# The menu does not look along the path of a login shell.
sed -i "s|^Exec=stillroom|Exec=\"$program/stillroom\"|; /^TryExec=/d" "$prefix/share/applications/stillroom.desktop"
refresh
# Where nothing lists the system's libraries, nothing is known to be missing.
missing=
if libraries=$(ldconfig -p 2>/dev/null); then
  for library in libEGL.so.1 libGL.so.1 libfontconfig.so.1; do
    case $libraries in *"$library "*) ;; *) missing="$missing $library" ;; esac
  done
fi
echo "Stillroom is installed: $prefix/bin/stillroom, and in the menu."
[ -z "$missing" ] || echo "Its window needs these libraries of the system, which were not found:$missing"
echo "To remove it: sh $program/install.sh --uninstall"
