/** Node's module, read when it is first wanted: it takes a millisecond of a start, and a call over a held connection has no use for it. */
export function childProcess(): typeof import("node:child_process") {
  return process.getBuiltinModule("node:child_process")
}
