import { statSync } from "node:fs"
import { homedir } from "node:os"
import { join } from "node:path"

/** What login shells read first, by their manuals; of a folder what it lists counts. */
const OF_THE_MACHINE = words(`
  environment profile profile.d bash.bashrc bashrc zshenv zprofile zshrc zlogin
  zsh/zshenv zsh/zprofile zsh/zshrc zsh/zlogin csh.cshrc csh.login fish/config.fish`)
const OF_THE_ACCOUNT = words(`
  .profile .bash_profile .bash_login .bashrc .bash_aliases .kshrc .pam_environment
  .zshenv .zprofile .zshrc .zlogin .cshrc .tcshrc .login
  .config/fish/config.fish .config/fish/conf.d .config/fish/fish_variables`)

/**
 * Changes when one of the start-up files of the account's login shell does, comes or goes. All at once: a change while it
 * looks must not go unseen, and with the pool of threads it takes ten times as long.
 */
export function loginStartUpFiles(home = homedir()): string {
  const paths = [...OF_THE_MACHINE.map((name) => join("/etc", name)), ...OF_THE_ACCOUNT.map((name) => join(home, name))]
  return paths.map(facts).join("\n")
}

function facts(path: string): string {
  try {
    const found = statSync(path, { throwIfNoEntry: false })
    return found === undefined ? "" : [found.ino, found.size, found.mtimeMs, found.ctimeMs].join(" ")
  } catch {
    return ""
  }
}

function words(text: string): string[] {
  return text.trim().split(/\s+/)
}
