export { dispatcherFor } from "./dispatcher.ts"
export { proxyFor, type Environment } from "./proxy.ts"
