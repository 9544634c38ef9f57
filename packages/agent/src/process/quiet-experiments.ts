/** Node's notes on its own experimental features are for nobody here, and would stand in every report of a death. */
export function quietExperiments(): void {
  const printing = process.listeners("warning")
  process.removeAllListeners("warning")
  process.on("warning", (warning) => {
    if (warning.name === "ExperimentalWarning") return
    for (const print of printing) print.call(process, warning)
  })
}
