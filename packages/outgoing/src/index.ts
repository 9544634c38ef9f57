export { dispatcherFor, releaseRead } from "./dispatcher.ts"
export { namedProxy, proxyFor, type Environment } from "./proxy.ts"
