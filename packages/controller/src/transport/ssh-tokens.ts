import { DatamaestroError } from "@datamaestro/protocol"

/**
 * Replaces `%x` by the value of `x` and `%%` by a percent sign (ssh_config(5), TOKENS).
 *
 * @throws DatamaestroError SSH_CONFIGURATION for a token that has no value here
 */
export function expandTokens(text: string, tokens: Readonly<Record<string, string>>): string {
  return text.replace(/%(.?)/gs, (whole, letter: string) => {
    if (letter === "%") return "%"
    const value = tokens[letter]
    if (value === undefined || letter === "") {
      throw new DatamaestroError("SSH_CONFIGURATION", `Cannot expand "${text}": "${whole}" has no meaning here`, {
        hint: "correct it in your SSH configuration; a percent sign itself is written %%",
      })
    }
    return value
  })
}

/**
 * Replaces `${NAME}` by the environment variable.
 *
 * @throws DatamaestroError SSH_CONFIGURATION when it isn't set, as OpenSSH refuses it
 */
export function expandEnvironment(text: string, environment: Readonly<Record<string, string | undefined>>): string {
  return text.replace(/\$\{([^}]*)\}/g, (_whole, name: string) => {
    const value = environment[name]
    if (value !== undefined) return value
    throw new DatamaestroError("SSH_CONFIGURATION", `Cannot expand "${text}": the variable "${name}" is not set`, {
      hint: `set ${name}, or write the value into your SSH configuration`,
    })
  })
}
