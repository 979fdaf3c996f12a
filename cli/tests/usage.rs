//! What the shell sees of the command line: output, exit codes, and what is said when it is called wrongly.

use std::path::Path;
use std::process::{Command, Output};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The program, in a folder without configuration files and an environment without settings.
fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mccache"));
    command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")).env_clear();
    command
}

fn run(command: &mut Command) -> Output {
    command.output().expect("the program was built for this test")
}

fn mccache(arguments: &[&str]) -> Output {
    run(program().args(arguments))
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("UTF-8")
}

#[test]
fn each_key_is_new_and_has_thirty_two_bytes() {
    let keys: Vec<String> = (0..3).map(|_| text(mccache(&["keygen"]).stdout)).collect();
    for key in &keys {
        let line = key.strip_suffix('\n').expect("one line");
        let (id, key) = line.split_once(':').expect("an id and a key");
        assert!((2..=255).contains(&id.parse::<u32>().expect("a number")), "{line}");
        assert_eq!(STANDARD.decode(key).expect("base64").len(), 32, "{line}");
    }
    assert!(text(mccache(&["keygen", "--id", "1"]).stdout).starts_with("1:"));
    assert!(keys[0] != keys[1] && keys[1] != keys[2] && keys[0] != keys[2], "{keys:?}");
}

#[test]
fn a_key_is_one_the_library_takes_and_never_shows() {
    let key = text(mccache(&["keygen"]).stdout);
    let mut command = program();
    command.args(["config", "--set"]).env("MCCACHE_CRYPTO_KEY", key.trim()).env("MCCACHE_INTERFACE", "host");
    let output = run(&mut command);
    assert_eq!(output.status.code(), Some(0), "{}", text(output.stderr));
    let shown = text(output.stdout);
    assert!(shown.contains("crypto_key"), "{shown}");
    assert!(!shown.contains(key.trim()), "{shown}");
}

#[test]
fn wrong_calls_exit_with_2_and_say_what_is_wrong() {
    for arguments in [
        &["frobnicate"][..],
        &["demo", "--frobnicate"],
        &["demo", "--nodes", "1"],
        &["demo", "--drop", "99"],
        &["keygen", "too", "much"],
        &["keygen", "--id", "0"],
        &["keygen", "--id", "256"],
        &[],
    ] {
        let output = mccache(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(!output.stderr.is_empty(), "{arguments:?}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
    assert!(text(mccache(&["demo", "--frobnicate"]).stderr).contains("--frobnicate"));
    let range = text(mccache(&["demo", "--nodes", "1"]).stderr);
    assert!(range.contains("2..=12"), "{range}");
}

#[test]
fn help_names_the_commands_with_examples_and_hides_the_inner_one() {
    let output = mccache(&["--help"]);
    assert_eq!(output.status.code(), Some(0));
    let help = text(output.stdout);
    for said in ["demo", "doctor", "keygen", "config", "Examples:", "mccache demo"] {
        assert!(help.contains(said), "{said}: {help}");
    }
    assert!(!help.contains("demo-node"), "{help}");
    assert!(help.lines().all(|line| line.chars().count() <= 80), "{help}");
    for command in ["demo", "doctor", "keygen", "config"] {
        let help = text(mccache(&[command, "--help"]).stdout);
        assert!(help.contains("Examples:"), "{command}: {help}");
        assert!(help.lines().all(|line| line.chars().count() <= 80), "{command}: {help}");
    }
}

/// The command line reports the library's version: they are released together.
#[test]
fn the_version_is_the_library_s() {
    let manifest = include_str!("../../Cargo.toml");
    let version = manifest.lines().find_map(|line| line.strip_prefix("version = ")).expect("the package's version");
    assert_eq!(text(mccache(&["--version"]).stdout), format!("mccache {}\n", version.trim_matches('"')));
}

#[test]
fn config_tells_each_setting_with_its_variable_its_value_and_its_source() {
    let everything = text(mccache(&["config"]).stdout);
    let mut heads = everything.lines().filter(|line| !line.is_empty() && !line.starts_with(' '));
    for setting in mccache::config::known_settings() {
        let head = heads.next().expect("a line each");
        assert!(head.starts_with(setting.name), "{}: {head}", setting.name);
        assert!(everything.contains(&setting.variable()), "{}", setting.variable());
    }
    assert_eq!(text(mccache(&["config", "--set"]).stdout), "Nothing is set here: every setting is at its default.\n");
    let output = run(program().args(["config", "--set"]).env("MCCACHE_CACHE_TTL", "60"));
    let shown = text(output.stdout);
    assert!(shown.starts_with("cache_ttl = 60   (from the environment)\n"), "{shown}");
}

#[test]
fn a_wrong_setting_is_one_line_and_exit_code_1() {
    let output = run(program().arg("config").env("MCCACHE_CACHE_TTI", "60"));
    assert_eq!(output.status.code(), Some(1));
    let said = text(output.stderr);
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains("MCCACHE_CACHE_TTL"), "it suggests the setting that was meant: {said}");
}
