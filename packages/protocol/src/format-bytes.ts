const UNITS = ["kB", "MB", "GB", "TB", "PB"]

/** Bytes for people, in powers of 1000: `999 B`, `9.9 MB`, `30.0 MB`, `150 GB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${Math.round(bytes)} B`
  let value = bytes
  let unit = -1
  do {
    value /= 1000
    unit++
  } while (value >= 999.5 && unit < UNITS.length - 1)
  return `${value < 99.95 ? value.toFixed(1) : Math.round(value)} ${UNITS[unit]}`
}
