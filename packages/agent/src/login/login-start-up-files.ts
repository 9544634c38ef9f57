import { stat } from "node:fs/promises"
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

/** Changes when one of the start-up files of the account's login shell does, comes or goes. */
export async function loginStartUpFiles(home = homedir()): Promise<string> {
  const paths = [...OF_THE_MACHINE.map((name) => join("/etc", name)), ...OF_THE_ACCOUNT.map((name) => join(home, name))]
  const facts = await Promise.all(
    paths.map(async (path) => {
      const found = await stat(path).catch(() => undefined)
      return found === undefined ? "" : [found.ino, found.size, found.mtimeMs, found.ctimeMs].join(" ")
    }),
  )
  return facts.join("\n")
}

function words(text: string): string[] {
  return text.trim().split(/\s+/)
}
