// Every run of the tests begins here (.mocharc.json): no command leaves a connection behind unless its test asks for it.
process.env["DATAMAESTRO_HOLD_MINUTES"] ??= "off"

// Coverage, where it is measured, is that of this process: a report of each started one would be gigabytes in the end.
delete process.env["NODE_V8_COVERAGE"]

// Each start of Node 20 would read it anew, which takes longer than the rest of the start; no test needs it.
delete process.env["NODE_EXTRA_CA_CERTS"]
