/** Query parameters that carry a secret, as cloud storages and APIs name them; their values are never shown. */
const SECRET_PARAMETER =
  /token|secret|passw|pwd|apikey|api[-_]key|access[-_]?key|signature|^sig$|^key$|credential|^auth|authkey|^x-amz-|^x-goog-|^policy$/i

/** A URL fit for messages, logs and records: without user, password, fragment, and values of secret parameters. */
export function redactUrl(text: string): string {
  let url: URL
  try {
    url = new URL(text)
  } catch {
    return text.replace(/\/\/[^/@]*@/, "//")
  }
  const secrets = [...new Set(url.searchParams.keys())].filter((name) => SECRET_PARAMETER.test(name))
  // As written, where there is nothing to hide: the URL class would normalize it.
  if (url.username === "" && url.password === "" && url.hash === "" && secrets.length === 0) return text
  url.username = ""
  url.password = ""
  url.hash = ""
  for (const name of secrets) url.searchParams.set(name, "REDACTED")
  return url.href
}

/** Whether a URL holds a user or password. */
export function hasCredentials(text: string): boolean {
  return URL.canParse(text) && (new URL(text).username !== "" || new URL(text).password !== "")
}
