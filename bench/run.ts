/** `npm run bench [ROUNDS]`: every comparison, printed as ratios of one run on this machine. */
import { cpus } from "node:os"
import { benchConnection } from "./connection.ts"

const rounds = Number(process.argv[2] ?? 15)
console.log(`Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model ?? "?"}, ${rounds} rounds`)
await benchConnection(rounds)
