/** An answer's headers by their names in lower case. What one says several times over counts once; cookies, which may have commas in them, are a line each. */
export function flatHeaders(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  const flat: Record<string, string> = {}
  for (const [key, value] of Object.entries(headers)) {
    const name = key.toLowerCase()
    if (Array.isArray(value)) flat[name] = [...new Set(value)].join(name === "set-cookie" ? "\n" : ", ")
    else if (value !== undefined) flat[name] = value
  }
  return flat
}
