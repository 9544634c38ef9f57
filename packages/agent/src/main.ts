/** What the bundle `agent.cjs` is made of: the bootstrap calls `runAgent`; as a program of its own it runs at once. */
import { runAgent } from "./run-agent.ts"

export { runAgent }

if (typeof require !== "undefined" && typeof module !== "undefined" && require.main === module) runAgent()
