//! The libFuzzer program: one binary, whose target is named by the variable `MCCACHE_FUZZ_TARGET`. `cargo xtask fuzz`
//! builds it with coverage instrumentation and runs it.
#![no_main]

mod targets;

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;

static CHOSEN: OnceLock<targets::Target> = OnceLock::new();

fuzz_target!(|input: &[u8]| {
    let chosen = CHOSEN.get_or_init(|| {
        let name = std::env::var("MCCACHE_FUZZ_TARGET").unwrap_or_default();
        targets::called(&name).unwrap_or_else(|| panic!("MCCACHE_FUZZ_TARGET: there is no target `{name}`"))
    });
    (chosen.run)(input);
});
