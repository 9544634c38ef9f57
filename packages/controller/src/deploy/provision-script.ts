/**
 * Two scripts of POSIX sh for machines without Node. As `find-node-script.ts` they stand in single quotes on a command
 * line that any login shell reads: no single quote, `!`, backslash or line end. What they say starts with `SAID`.
 */
export const SAID = "@@datamaestro-node "

/** The controller's word before the bytes: start-up files that ask something have eaten the lines before it. */
export const GO = "@@datamaestro-go"

/** Where the programs are that the scripts need, whatever start-up files made of PATH. */
const SYSTEM_PATH = "PATH=${PATH:+$PATH:}/usr/bin:/bin:/usr/sbin:/sbin"

/** Says what runs there and, for each folder that could hold programs, whether it can and its free kilobytes. */
export const SURVEY_SCRIPT = [
  `${SYSTEM_PATH}; umask 077; LC_ALL=C; export LC_ALL; u=$(id -u)`,
  "l=$(getconf GNU_LIBC_VERSION 2>/dev/null)",
  `case "$l" in glibc*) ;; *) l=; if [ "$(uname -s)" = Darwin ]; then l=$(sw_vers -productVersion 2>/dev/null); else case "$(ldd --version 2>&1 | head -n 1)" in *musl*) l=musl;; *GLIBC*|*GNU*) l="glibc $(ldd --version 2>/dev/null | head -n 1 | sed -e "s/.* //")";; esac; for f in /lib/ld-musl-*; do if [ -z "$l" ] && [ -e "$f" ]; then l=musl; fi; done; fi;; esac`,
  `echo; echo "${SAID}machine $(uname -s) $(uname -m) $l"`,
  // A program of the machine's own, copied there, tells whether programs can run there.
  `try() { case "$1" in /*) ;; *) return;; esac; s=full; d="$1/node"; t="$d/try-$$"; if mkdir -p "$d" 2>/dev/null && [ -O "$1" ] && [ -O "$d" ]; then chmod 700 "$1" "$d"; if mkdir "$t" 2>/dev/null && cp /bin/sh "$t/sh" 2>/dev/null; then if "$t/sh" -c : 2>/dev/null; then s=ok; else s=noexec; fi; fi; rm -rf "$t"; else s=unwritable; fi; set -- "$1" $(df -Pk "$1" 2>/dev/null | tail -n 1); echo "${SAID}folder $s \${5:-0} $1"; }`,
  `try "$HOME/.cache/datamaestro"; for p in "$XDG_RUNTIME_DIR" "\${TMPDIR:-/tmp}" /var/tmp /dev/shm; do if [ -d "$p" ]; then try "$p/datamaestro-$u"; fi; done`,
  `echo "${SAID}end"`,
].join("; ")

/**
 * `sh -c SCRIPT sh FOLDER HASH BYTES`: receives a gzipped program, from where an earlier attempt broke off. A whole
 * one is verified, unpacked, run once, and only then in its place.
 */
export const RECEIVE_SCRIPT = [
  `${SYSTEM_PATH}; umask 077; say() { echo; echo "${SAID}$*"; }`,
  `cd "$1/node" || exit 1; n=$2; m="$n.$$"`,
  `if [ -x "$n/node" ] && "$n/node" --version >/dev/null 2>&1 </dev/null; then say stored "$1/node/$n/node"; exit 0; fi`,
  // One attempt owns the part while it lasts.
  `mv "$n.part" "$m.gz" 2>/dev/null || : > "$m.gz"`,
  `size() { wc -c < "$m.gz" | tr -d " "; }`,
  `if [ "$(size)" -gt "$3" ]; then : > "$m.gz"; fi`,
  "trap : HUP PIPE TERM",
  "say send $(size)",
  `while read -r l; do case "$l" in *${GO}) break;; esac; done`,
  `if cat >> "$m.gz" 2>/dev/null; then ok=1; else ok=; fi`,
  `if [ "$(size)" -lt "$3" ]; then if [ "$ok" ]; then mv "$m.gz" "$n.part"; say short; else rm -f "$m.gz"; say full; fi; exit 1; fi`,
  `s=$( (sha256sum "$m.gz" || shasum -a 256 "$m.gz" || openssl dgst -sha256 -r "$m.gz") 2>/dev/null | tail -n 1)`,
  // Where nothing can count it, gzip's own checksum and the program's run must do.
  `case "$s" in "$n"*|"") ;; *) rm -f "$m.gz"; say corrupt; exit 1;; esac`,
  `mkdir "$m"; if gzip -dc < "$m.gz" > "$m/node" 2>/dev/null; then rm -f "$m.gz"; else rm -rf "$m" "$m.gz"; say full; exit 1; fi`,
  `chmod 700 "$m/node"; v=$("$m/node" --version 2>&1 </dev/null | tail -n 3 | tr -s "[:cntrl:]" " ")`,
  `case "$v" in v[0-9]*) ;; *) rm -rf "$m"; say unusable "$v"; exit 1;; esac`,
  `if [ -d "$n" ]; then rm -rf "$n"; fi; mv "$m" "$n"; say stored "$1/node/$n/node"`,
].join("; ")
