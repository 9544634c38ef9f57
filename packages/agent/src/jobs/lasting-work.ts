/** How much work this process has begun that goes on without a controller: shared memory, for the watch of another thread. */
export const lastingWork = new Int32Array(new SharedArrayBuffer(4))
