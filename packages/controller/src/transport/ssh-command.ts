/** What a person would type to log in to a host as it was typed here: `user@host:2222` needs `-p`, an alias doesn't. */
export function sshCommand(host: string): string {
  const [, destination, port] = /^([^:/[\]]+):(\d+)$/.exec(host) ?? []
  return destination === undefined ? `ssh ${word(host)}` : `ssh -p ${port} ${word(destination)}`
}

/** A shell takes the backslash of DOMAIN\user away. */
function word(text: string): string {
  return text.includes("\\") ? `'${text}'` : text
}
