/**
 * Node's notes on experimental features are for nobody here, and stand among lines that may be JSON: undici writes one
 * of its SOCKS proxies. For the command's own process; a program that uses the library keeps its warnings.
 */
export function quietExperiments(): void {
  const printing = process.listeners("warning")
  process.removeAllListeners("warning")
  process.on("warning", (warning) => {
    if (warning.name === "ExperimentalWarning") return
    for (const print of printing) print.call(process, warning)
  })
}
