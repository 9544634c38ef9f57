export { dispatcherFor } from "./dispatcher.ts"
export { namedProxy, proxyFor, type Environment } from "./proxy.ts"
