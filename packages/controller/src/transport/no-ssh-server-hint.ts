/** The next step where something took the connection, but did not speak as an SSH server does. */
export function noSshServerHint(port: number): string {
  return `check that port ${port} is that of an SSH server, and that no gateway or firewall answers in its place; too many connections at once are refused like this, too`
}
