// Every run of the tests begins here, too (.mocharc.json): a process that was not found must not become 0, which is the whole
// group, with all tests that run side by side and whoever started them.
const kill = process.kill.bind(process)

process.kill = (pid, signal) => {
  if (pid === 0) throw new Error(`${signal ?? "SIGTERM"} would go to all that run these tests`)
  return kill(pid, signal)
}
