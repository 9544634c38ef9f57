// Every run of the tests begins here (.mocharc.json): no command leaves a connection behind unless its test asks for it.
process.env["DATAMAESTRO_HOLD_MINUTES"] ??= "off"
