import {
  CHOSEN_NODE,
  INSTEAD,
  LIBRARIES,
  NEEDED_LIBRARIES,
  NO_NODE_END,
  NO_NODE_MAGIC,
  OLDEST_NODE,
} from "./boot-protocol.ts"

const OLDEST = OLDEST_NODE[0] * 1_000_000 + OLDEST_NODE[1] * 1000 + OLDEST_NODE[2]

/** What the login shell may take until its start-up files are given up, in seconds. */
const LOGIN_SECONDS = 10

/** What a program called `node` may take to tell its version, in seconds. */
const VERSION_SECONDS = 5

/** Where version managers and installers put Node. */
const PLACES = [
  `"$HOME"/.nvm/versions/node/*/bin/node`,
  `"$NVM_DIR"/versions/node/*/bin/node`,
  `"$HOME"/.local/share/fnm/node-versions/*/installation/bin/node`,
  `"$HOME"/.fnm/node-versions/*/installation/bin/node`,
  `"$HOME/Library/Application Support/fnm"/node-versions/*/installation/bin/node`,
  `"$FNM_DIR"/node-versions/*/installation/bin/node`,
  `"$HOME"/.volta/tools/image/node/*/bin/node`,
  `"$VOLTA_HOME"/tools/image/node/*/bin/node`,
  `"$HOME"/.asdf/installs/nodejs/*/bin/node`,
  `"$HOME"/.local/share/mise/installs/node/*/bin/node`,
  `"$HOME"/.nodenv/versions/*/bin/node`,
  `"$HOME"/n/bin/node`,
  `"$HOME"/.local/bin/node`,
  `"$HOME"/bin/node`,
  ...["miniconda3", "anaconda3", "miniforge3", "mambaforge", "micromamba", ".local/share/mamba"].flatMap((conda) => [
    `"$HOME"/${conda}/bin/node`,
    `"$HOME"/${conda}/envs/*/bin/node`,
  ]),
  `"$HOME"/.conda/envs/*/bin/node`,
  `"$HOME"/.linuxbrew/bin/node`,
  "/home/linuxbrew/.linuxbrew/bin/node",
  "/opt/homebrew/bin/node",
  // Homebrew links no node@22 into its bin.
  ...[`"$HOME"/.linuxbrew`, "/home/linuxbrew/.linuxbrew", "/opt/homebrew", "/usr/local"].map(
    (brew) => `${brew}/opt/node*/bin/node`,
  ),
  "/usr/local/bin/node",
  "/usr/bin/node",
  "/usr/local/node*/bin/node",
  "/opt/node*/bin/node",
  "/opt/nodejs/*/bin/node",
]

/** What the login shell is asked for: variables that say where Node is. */
const HEARD = ["PATH", "LD_LIBRARY_PATH", "NVM_DIR", "FNM_DIR", "VOLTA_HOME", "MODULESHOME", "LMOD_DIR"]

/** What the agent needs of Node and some option takes away: CommonJS, `eval`, WebAssembly, files and programs. */
const USES = "require,eval(String(1)),WebAssembly,process.permission&&denied"

/** One statement of POSIX sh an entry; see below for what they may not hold. */
const STATEMENTS = [
  // A line end, which can't be written here.
  "nl=$(echo; echo x)",
  "nl=${nl%x}",
  "ifs=$IFS",
  // Options that keep every Node from starting (of another version, of a file that is gone), or make modules of what it is given, are left out, which the agent tells, see the end.
  "opt=$NODE_OPTIONS; unset NODE_OPTIONS",
  // What this script needs is there, whatever start-up files made of PATH.
  "path=$PATH; PATH=${PATH:+$PATH:}/usr/bin:/bin",
  // What did not start is not asked again.
  "list=; best=0; node=; seen=${4:-:}; has=; lib=; try=; need=",
  // limit SECONDS COMMAND…; older ones of BusyBox know no -k.
  `if timeout -k 1 5 true >/dev/null 2>&1; then limit() { timeout -k 1 "$@"; }; elif command -v perl >/dev/null 2>&1; then limit() { perl -e "alarm shift; exec @ARGV" "$@"; }; else limit() { shift; "$@"; }; fi`,
  // weigh PATH 20.18.1: keeps the newest; what is no number is no version.
  `weigh() { IFS=.; set -- "$1" $2; IFS=$ifs; p=\${4%%-*}; if [ "$2" -ge 0 ] && [ "$3" -ge 0 ] && [ "$p" -ge 0 ]; then k=$(($2 * 1000000 + $3 * 1000 + $p)); if [ $k -ge ${OLDEST} ] && [ $k -gt $best ]; then best=$k; node=$1; need=$try; fi; fi 2>/dev/null; }`,
  // One file under two names (of /bin and /usr/bin) is asked once; what knows no -ef asks twice. Where a library is missing (or of another version) it is asked with those of the login shell, as a module's Node needs them, and no other.
  `consider() { case "$seen" in *":$1:"*) return 0;; esac; seen="$seen$1:"; if [ "$1" -ef "$node" ] 2>/dev/null; then return 0; fi; if [ -f "$1" ] && [ -x "$1" ]; then try=; v=$(limit ${VERSION_SECONDS} "$1" --version 2>/dev/null </dev/null) || case "$?$lib" in 1[:/]*|127[:/]*) try=$lib; v=$(limit ${VERSION_SECONDS} /usr/bin/env LD_LIBRARY_PATH="$lib" "$1" --version 2>/dev/null </dev/null) || v=unusable;; *) v=unusable;; esac; if [ \${#v} -gt 99 ]; then v=unusable; fi; list="$list$v	$1$nl"; case "$v" in v[0-9]*.[0-9]*.[0-9]*) weigh "$1" "\${v#v}";; esac; fi; }`,
  // along a:b:c: every folder of a PATH; a relative one could hold anything.
  `along() { set -f; IFS=:; for d in $1; do IFS=$ifs; case "$d" in /*) consider "$d/node";; esac; done; IFS=$ifs; set +f; }`,
  // ask COMMAND: the PATH of the login shell after COMMAND, and where it has version managers and modules. csh takes -l only alone; a shell that start-up files put in its place (exec zsh -l) reads its input. The end mark spares waiting for what it left running.
  `ask() { case "$SHELL" in "") ;; *csh) echo "$1; echo; /usr/bin/env; echo @@end" | limit ${LOGIN_SECONDS} "$SHELL" -l 2>/dev/null;; *) echo "$nl$nl$nl$nl$nl$nl$nl$1; echo; /usr/bin/env; echo @@end" | limit ${LOGIN_SECONDS} "$SHELL" -l -c "$1; echo; /usr/bin/env; echo @@end" 2>/dev/null;; esac | sed -n -e "/^@@end/q"${HEARD.map((name) => ` -e "/^${name}=/p"`).join("")}; }`,
  // What ask tells: of a name that start-up files print too the last line counts.
  `hear() { while IFS= read -r l; do case "$l" in PATH=*) p=\${l#PATH=};; LD_LIBRARY_PATH=*) lib=\${l#LD_LIBRARY_PATH=};; *) export "$l";; esac; done; }`,
  // Looks everywhere; the login shell's PATH is read, when that has told it. conda lists its environments, which lie on scratch where homes are small.
  `survey() { along "$path"; p=; hear; along "$p"; for f in ${PLACES.join(" ")}; do consider "$f"; done; if [ -r "$HOME/.conda/environments.txt" ]; then while IFS= read -r f; do consider "$f/bin/node"; done <"$HOME/.conda/environments.txt"; fi; if [ -z "$node" ]; then for f in /etc/profile.d/*mod*.sh "$MODULESHOME" "$LMOD_DIR"; do if [ -e "$f" ]; then has=1; fi; done; for m in nodejs node NodeJS; do if [ "$has" ] && [ -z "$node" ]; then w=$(ask "module load $m" | (hear; printf %s "$p$nl$lib")); lib=\${w#*"$nl"}; along "\${w%%"$nl"*}"; fi; done; fi; printf %s "$node$nl$need$nl$lib$nl$list"; }`,
  // The login shell is asked meanwhile.
  `first() { l=\${list%%"$nl"*}; list=\${list#"$l"}; list=\${list#"$nl"}; }`,
  `search() { list=$(ask : | survey); first; node=$l; first; need=$l; first; lib=$l; list=$list\${list:+$nl}; }`,
  `named() { case "$3" in "~/"*) consider "$HOME/\${3#??}";; */*) consider "$3";; *) consider "$(command -v "$3")";; esac; }`,
  // Another than was named is told of, not taken; unless the one that was named needs what the login shell tells.
  `case "$3" in auto) search;; *) named "$@"; if [ -z "$node" ]; then list="$list${INSTEAD}$nl"; search; node=; if [ "$lib" ]; then best=0; seen=:; old=$list; named "$@"; list=$old; fi; fi;; esac`,
  `if [ "$node" ]; then if [ "$need" ]; then LD_LIBRARY_PATH=$need; ${LIBRARIES}=$need; export LD_LIBRARY_PATH ${LIBRARIES}; echo; echo "${NEEDED_LIBRARIES}$need"; fi; if [ "$opt" ]; then if limit ${VERSION_SECONDS} /usr/bin/env NODE_OPTIONS="$opt" "$node" -e "${USES}" >/dev/null 2>&1 </dev/null; then NODE_OPTIONS=$opt; export NODE_OPTIONS; else DATAMAESTRO_LEFT_OUT=$opt; export DATAMAESTRO_LEFT_OUT; fi; fi; echo; echo "${CHOSEN_NODE}$$ $node"; exec "$node" -e "$1" "$2"; fi`,
  `echo; echo ${NO_NODE_MAGIC}; printf %s "$list"; echo ${NO_NODE_END}; exit 86`,
]

/**
 * A script for `/bin/sh -c SCRIPT sh LOADER ARGUMENT NODE [:PATH:PATH:]` that finds the newest Node that suits, tells
 * its path, and becomes it. `NODE` is a path (`~/` is the home folder), a command's name, or `auto`; the paths behind
 * it are left aside. When none suits it tells which there are.
 *
 * It stands in single quotes on a command line that any login shell reads, so it holds no single quote, `!`,
 * backslash or line end, and needs nothing but POSIX sh, `env` and `sed`. Its stdin belongs to the agent.
 */
export const FIND_NODE_SCRIPT = STATEMENTS.join("; ")
