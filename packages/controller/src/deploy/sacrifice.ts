/** Start-up files that ask something eat a line each; these are for them, before anything that matters. Whoever reads it skips empty lines. */
export const SACRIFICE = "\n".repeat(8)
