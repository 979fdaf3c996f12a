//! Whole ways of a setting: from each source, past its check, to what it amounts to on a host.

use std::ffi::OsString;
use std::fmt::Write;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use super::host::Host;
use super::*;

/// 32 bytes 0xFB: their base64 has both signs in which the two alphabets differ.
const KEY: &str = "+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/s=";
const LAN: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));
const LAN_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 7));
const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

struct FakeHost {
    name: &'static str,
    route: Option<IpAddr>,
}

impl Host for FakeHost {
    fn name(&self) -> String {
        self.name.to_owned()
    }
    fn process(&self) -> u32 {
        4711
    }
    fn interfaces(&self) -> io::Result<Vec<(String, IpAddr)>> {
        let link_local = "fe80::7".parse().expect("an address");
        let own = [("lo", HERE), ("eth0", LAN), ("eth0", link_local), ("eth0", LAN_V6)];
        Ok(own.into_iter().map(|(name, address)| (name.to_owned(), address)).collect())
    }
    fn address_towards(&self, there: SocketAddr) -> io::Result<IpAddr> {
        self.route.map(|route| if there.is_ipv6() { LAN_V6 } else { route }).ok_or_else(|| io::Error::other("no route"))
    }
}

const HOST: FakeHost = FakeHost { name: "web7", route: Some(LAN) };

fn resolve_on(config: &Config, host: &FakeHost) -> Result<Settings> {
    resolve::settings(&config.entries, &config.caches, host)
}

fn resolved(config: &Config) -> Settings {
    resolve_on(config, &HOST).expect("settings that go together")
}

fn with(settings: &[(&str, &str)]) -> Config {
    let mut config = Config::new();
    for (name, value) in settings {
        config.set(name, value).expect("a setting within its range");
    }
    config
}

fn directory(files: &[(&str, &str)]) -> TempDir {
    let directory = tempfile::tempdir().expect("a directory for the test");
    for (name, text) in files {
        std::fs::write(directory.path().join(name), text).expect("a file for the test");
    }
    directory
}

fn gather(variables: &[(&str, &str)], directory: &Path) -> Result<Config> {
    Config::gather(variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value))), directory)
}

/// What is said about a file of this text.
fn file_error(text: &str) -> String {
    let directory = directory(&[("mccache.toml", text)]);
    gather(&[], directory.path()).expect_err("a wrong file").to_string()
}

fn file_settings(text: &str) -> Settings {
    let directory = directory(&[("mccache.toml", text)]);
    resolved(&gather(&[], directory.path()).expect("a right file"))
}

mod sources {
    use super::*;

    #[test]
    fn code_overrides_the_environment_which_overrides_the_file_which_overrides_the_default() {
        let directory = directory(&[("mccache.toml", "cluster = 'file'\nnode_name = 'file'\ncache_max = 7\n")]);
        let variables = [("MCCACHE_CLUSTER", "env"), ("MCCACHE_NODE_NAME", "env"), ("UNRELATED", "x")];
        let mut config = gather(&variables, directory.path()).expect("right sources");
        config.set("cluster", "code").expect("a name");
        let settings = resolved(&config);
        assert_eq!((settings.cluster.as_str(), settings.node_name.as_str()), ("code", "env"));
        assert_eq!(settings.cache.max_entries, 7);
        assert_eq!(settings.max_payload, 1400);
    }

    #[test]
    fn the_order_of_reading_does_not_change_the_order_of_force() {
        let files = [("a.toml", "cluster = 'a'\nnode_name = 'a'\ninsecure = true"), ("b.toml", "insecure = false")];
        let directory = directory(&files);
        let mut config = gather(&[("MCCACHE_CLUSTER", "env")], directory.path()).expect("right sources");
        config.set("node_name", "code").expect("a name");
        config.load(&directory.path().join("a.toml")).expect("a right file");
        config.load(&directory.path().join("b.toml")).expect("a right file");
        let settings = resolved(&config);
        assert_eq!((settings.cluster.as_str(), settings.node_name.as_str()), ("env", "code"));
        assert!(!settings.insecure, "the later file wins");
        config.set("node_name", "code again").expect("a name");
        assert_eq!(resolved(&config).node_name, "code again");
    }

    #[test]
    fn a_file_of_its_own_is_preferred_to_the_shared_one() {
        let shared = "[project]\nname = 'x'\n[tool.mccache]\ncluster = 'shared'\n";
        let both = directory(&[("mccache.toml", "cluster = 'own'"), ("pyproject.toml", shared)]);
        assert_eq!(resolved(&gather(&[], both.path()).expect("right files")).cluster, "own");
        let only = directory(&[("pyproject.toml", shared)]);
        assert_eq!(resolved(&gather(&[], only.path()).expect("right files")).cluster, "shared");
    }

    #[test]
    fn a_shared_file_without_our_table_and_no_file_are_as_good_as_none() {
        let foreign = directory(&[("pyproject.toml", "[tool.other]\nmccache = 1\n[cluster]\n")]);
        assert_eq!(resolved(&gather(&[], foreign.path()).expect("not ours")).cluster, "mccache");
        assert_eq!(resolved(&gather(&[], directory(&[]).path()).expect("no file")).cluster, "mccache");
        let path = foreign.path().join("pyproject.toml");
        let error = Config::new().load(&path).expect_err("asked for by name").to_string();
        assert!(error.contains("no [tool.mccache]") && error.contains("pyproject.toml"), "{error}");
    }

    #[test]
    fn the_variable_names_the_file_instead_of_the_usual_ones() {
        let directory = directory(&[("mccache.toml", "cluster = 'usual'"), ("other.toml", "cluster = 'other'")]);
        let cluster = |file: &str| gather(&[("MCCACHE_CONFIG", file)], directory.path()).map(|c| resolved(&c).cluster);
        assert_eq!(cluster("other.toml").expect("named"), "other");
        let absolute = directory.path().join("other.toml").display().to_string();
        assert_eq!(cluster(&absolute).expect("named in full"), "other");
        assert_eq!(cluster("").expect("none wanted"), "mccache");
        let error = cluster("gone.toml").expect_err("named and missing").to_string();
        assert!(error.contains("gone.toml") && error.contains("does not exist"), "{error}");
    }

    #[test]
    fn a_file_that_is_wrong_is_not_taken_in_part() {
        let directory = directory(&[("a.toml", "cluster = 'a'\npacket_mtu = 1")]);
        let mut config = Config::new();
        config.load(&directory.path().join("a.toml")).expect_err("a wrong file");
        assert_eq!(resolved(&config).cluster, "mccache");
    }

    #[cfg(unix)]
    #[test]
    fn variables_that_are_not_utf8_are_refused_if_they_are_ours() {
        use std::os::unix::ffi::OsStringExt;
        let bad = || OsString::from_vec(b"\xff\xfe".to_vec());
        let empty = directory(&[]);
        let gather = |name: OsString, value: OsString| Config::gather([(name, value)], empty.path());
        let error = gather("MCCACHE_CLUSTER".into(), bad()).expect_err("not UTF-8").to_string();
        assert!(error.contains("`cluster`") && error.contains("UTF-8"), "{error}");
        let error = gather("MCCACHE_CRYPTO_KEY".into(), bad()).expect_err("not UTF-8").to_string();
        assert!(error.contains("(not shown)") && !error.contains('\u{fffd}'), "{error}");
        let error = gather(OsString::from_vec(b"MCCACHE_\xff".to_vec()), "1".into()).expect_err("not UTF-8");
        assert!(matches!(error, Error::UnknownSetting { .. }), "{error}");
        gather(bad(), bad()).expect("none of our business");
    }

    #[test]
    fn the_default_of_each_setting_is_accepted_where_it_is_a_value() {
        for described in Config::new().describe() {
            if let Fallback::Value(text) = described.setting.default {
                Config::new().set(described.setting.name, text).expect("the default is in its range");
            }
        }
    }
}

mod files {
    use super::*;

    #[test]
    fn values_may_be_integers_floats_booleans_and_strings() {
        let text = "cache_ttl = 1.5\ncache_max = 0x1_0\nreceive_buffer = '1M'\ninsecure = true\ncluster = 5\ncallback_win = 2\n\
                    cache_mode = 1\nmulticast_hops = '3'\n";
        let settings = file_settings(text);
        assert_eq!(settings.cache.ttl, Some(Duration::from_millis(1500)));
        assert_eq!((settings.cache.max_entries, settings.receive_buffer), (16, 1 << 20));
        assert_eq!((settings.insecure, settings.cluster.as_str()), (true, "5"));
        assert_eq!((settings.callback_window, settings.multicast_hops), (Duration::from_secs(2), 3));
    }

    #[test]
    fn a_value_of_another_type_is_refused_with_its_line() {
        for (text, what) in [
            ("\ncache_ttl = [1]", "an array"),
            ("\n[cache_ttl]\n", "a table"),
            ("\ncache_ttl = 2026-01-01", "a date"),
            ("\ncache_ttl = inf", "inf"),
            ("\ncache_ttl = nan", "nan"),
            ("\ncache_ttl = true", "true"),
            ("\ncache_ttl = 99999999999999999999999999999999999999999999", "99999999999999"),
        ] {
            let error = file_error(text);
            assert!(error.contains("`cache_ttl`") && error.contains(what), "{error}");
            assert!(error.contains("mccache.toml, line 2") && error.contains("0.001 to 3155760000"), "{error}");
        }
    }

    #[test]
    fn a_file_that_is_not_toml_is_refused_with_its_line_and_without_its_text() {
        let error = file_error(&format!("\n\ncrypto_key = {KEY}\n"));
        assert!(error.contains("mccache.toml") && error.contains("line 3"), "{error}");
        assert!(!error.contains("v7+"), "{error}");
        assert!(file_error("cluster = 'a'\ncluster = 'b'\n").contains("line 2"));
    }

    #[test]
    fn a_file_that_is_long_binary_or_no_file_is_refused() {
        let limit = usize::try_from(file::FILE_BYTES_MAX).expect("a MiB fits");
        assert!(file_error(&"#".repeat(limit + 1)).contains("longer than the limit of 1048576 bytes"));
        assert_eq!(file_settings(&"#".repeat(limit)).cluster, "mccache");
        let directory = directory(&[]);
        std::fs::create_dir(directory.path().join("mccache.toml")).expect("a directory");
        let error = gather(&[], directory.path()).expect_err("a directory").to_string();
        assert!(error.contains("not a regular file"), "{error}");
        let path = directory.path().join("binary.toml");
        std::fs::write(&path, b"a = 1 \xff").expect("a file");
        let error = Config::new().load(&path).expect_err("binary").to_string();
        assert!(error.contains("not UTF-8 at byte 6"), "{error}");
    }

    #[test]
    fn nesting_beyond_reason_is_an_error() {
        let error = file_error(&format!("cluster = {}", "[".repeat(100_000)));
        assert!(error.contains("line 1"), "{error}");
    }

    #[test]
    fn a_cache_has_settings_of_its_own_over_those_of_all_caches() {
        let settings = file_settings(
            "cache_ttl = 10\ncache_max = 20\n[cache.users]\ncache_ttl = 0\n[cache.'a b.c']\ncache_mode = 'local'\n",
        );
        let users = settings.of_cache("users");
        assert_eq!((users.ttl, users.max_entries, users.mode), (None, 20, CacheMode::Replicate));
        assert_eq!(settings.of_cache("a b.c").mode, CacheMode::Local);
        assert_eq!(settings.of_cache("other"), &settings.cache);
        assert_eq!(settings.cache.ttl, Some(Duration::from_secs(10)));
    }

    #[test]
    fn a_cache_s_own_settings_stand_over_the_environment_s_for_all_and_under_code_s_for_it() {
        let directory = directory(&[("pyproject.toml", "[tool.mccache.cache.users]\ncache_max = 5\n")]);
        let config = gather(&[("MCCACHE_CACHE_MAX", "9")], directory.path()).expect("right sources");
        let settings = resolved(&config);
        assert_eq!((settings.cache.max_entries, settings.of_cache("users").max_entries), (9, 5));
        let code = with(&[("cache_max", "3")]);
        let users = code.cache_settings(settings.of_cache("users")).expect("checked values");
        assert_eq!((users.max_entries, users.max_bytes), (3, 64 << 20));
    }

    #[test]
    fn a_cache_passes_over_the_environment_s_settings_of_a_node_and_refuses_those_of_a_call() {
        let directory = directory(&[(
            "mccache.toml",
            "node_name = 'n'
",
        )]);
        let mut config = gather(&[("MCCACHE_CLUSTER", "orders"), ("MCCACHE_CACHE_MAX", "9")], directory.path())
            .expect("right sources");
        let base = Config::new().settings().expect("the defaults").cache;
        assert_eq!(config.cache_settings(&base).expect("settings of caches").max_entries, 9);
        config.set("crypto_key", KEY).expect("a key");
        let error = config.cache_settings(&base).expect_err("a setting of nodes").to_string();
        assert!(error.contains("`crypto_key`") && error.contains("cache_ttl") && !error.contains(KEY), "{error}");
    }

    #[test]
    fn what_cannot_stand_in_a_cache_s_table_is_refused() {
        let error = file_error("[cache.users]\ncluster = 'x'\n");
        assert!(error.contains("`cluster`") && error.contains("outside of [cache.users]"), "{error}");
        let error = file_error(&format!("[cache.users]\ncrypto_key = '{KEY}'\n"));
        assert!(error.contains("`crypto_key`") && !error.contains(KEY), "{error}");
        assert!(file_error("[cache.users]\ncache_tll = 1\n").contains("did you mean `cache_ttl`?"));
        assert!(file_error("cache = 1\n").contains("like [cache.users]"));
        assert!(file_error("cache.users = 1\n").contains("like [cache.users]"));
        assert!(file_error("[cache.'']\n").contains("1 to 255 bytes"));
        assert!(file_error(&format!("[cache.{}]\n", "n".repeat(256))).contains("1 to 255 bytes"));
    }
}

mod refusals {
    use super::*;

    #[test]
    fn an_unknown_name_is_an_error_with_a_hint_in_each_source() {
        let error = Config::new().set("cache_tll", "1").expect_err("unknown").to_string();
        assert_eq!(error, "unknown setting `cache_tll` in the call; did you mean `cache_ttl`?");
        let error = gather(&[("MCCACHE_TTL", "1")], directory(&[]).path()).expect_err("unknown").to_string();
        assert_eq!(error, "unknown setting `MCCACHE_TTL` in the environment; did you mean `MCCACHE_CACHE_TTL`?");
        let error = file_error("\ncache_tll = 1\n");
        assert!(error.starts_with("unknown setting `cache_tll` in ") && error.contains("line 2;"), "{error}");
        let error = Config::new().set("colour", "1").expect_err("unknown").to_string();
        assert_eq!(error, "unknown setting `colour` in the call");
    }

    /// For each setting, what is just within its range and what is just outside.
    const EDGES: &[(&str, &[&str], &[&str])] = &[
        (
            "cache_ttl",
            &["0", "0.001", "900", " 1e3 ", "1h", "3155760000"],
            &["0.0009", "3155760001", "-1", "", "1y", "nan"],
        ),
        ("cache_max", &["1", "1000000000"], &["0", "1000000001", "1.0", "-1", "", "1k"]),
        (
            "cache_size",
            &["1024", "1k", "1 KiB", "8m", "8 MiB", "1G", "1024GiB"],
            &["1023", "1025G", "1.5G", "8MB", "M", ""],
        ),
        ("cache_mode", &["replicate", "Full", "1", "Partial", "0", "Invalidate", "local"], &["2", "half", ""]),
        ("cache_policy", &["s3fifo", "LRU", "sieve", "tinylfu", "lfu", "fifo"], &["", "clock", "none", "s3-fifo"]),
        ("max_value", &["1", "1b", "64M", "67108864"], &["0", "67108865", "99999999999G", "-1"]),
        ("eager_refresh", &["0", "0.05", "0.9", "0.99"], &["0.04", "1", "-0.5", "90", "90%", "nan", ""]),
        ("fail_safe", &["0", "0.001", "86400", "24h"], &["0.0009", "86401", "-1", "25h"]),
        ("fail_safe_throttle", &["0", "0.001", "30", "3600"], &["0.0009", "3601", "x"]),
        ("load_soft_timeout", &["0", "0.001", "3600"], &["0.0009", "3601", "inf"]),
        ("load_hard_timeout", &["0", "0.001", "3600"], &["0.0009", "3601", ""]),
        ("cache_pulse", &["0.01", "5", "1440"], &["0", "0.009", "1441", "inf"]),
        ("max_clock_skew", &["0.05", "0.5", "3600"], &["0", "0.049", "3601", "x"]),
        ("callback_win", &["0", "0.001", "999"], &["0.0009", "999.1", "x"]),
        ("cluster", &["a", "orders/eu-1!"], &["", "two words", "\u{e9}", "a\nb"]),
        ("node_name", &["a", "K\u{fc}che 1"], &["", "a\nb", "\u{7}"]),
        (
            "crypto_key",
            &["", KEY, "ab0000000000000000000000000000000000000000000000000000000000000f"],
            &["short", "0:", "!"],
        ),
        (
            "interface",
            &["", "lo", "host", "eth0", "127.0.0.1", "10.0.0.1", "::1", "fd00::1"],
            &["0.0.0.0", "224.0.0.1", "255.255.255.255", "::", "ff15::1", "a\tb"],
        ),
        ("insecure", &["true", "FALSE", "1", "0", "yes", "no", "on", "off"], &["", "2", "maybe"]),
        (
            "multicast_ip",
            &["224.0.0.3", "239.255.255.255:1", "239.1.2.3:65535", "ff15::1", "[ff15::1]", "[ff15::1]:4000", "none"],
            &["10.0.0.1", "239.1.2.3:0", "239.1.2.3:65536", "239.1.2.3:", "fd00::1", "[ff15::1]:0", "", ":4000"],
        ),
        (
            "members",
            &[
                "",
                "10.0.0.5",
                "10.0.0.5:1, 10.0.0.6:65535",
                "fd00::5",
                "[fd00::5]:4000",
                "dns:a-b.svc:4000 dns:x",
                "srv:_mccache._udp.cache.svc srv:cache.service.consul.",
                "::1",
            ],
            &[
                "10.0.0.5:0",
                "cache.svc",
                "dns:",
                "dns:a:0",
                "dns:a:b",
                "dns:a/b",
                "239.0.0.1",
                "0.0.0.0",
                "srv:",
                "srv:a/b",
                "srv:_mccache._udp.cache.svc:4000",
                "[::]",
            ],
        ),
        ("unicast_port", &["0", "65535"], &["65536", "-1", ""]),
        ("multicast_port", &["1", "65535"], &["0", "65536", ""]),
        ("multicast_hops", &["0", "255"], &["256", "-1"]),
        ("packet_mtu", &["640", "1472"], &["639", "1473"]),
        ("receive_buffer", &["64k", "256M"], &["65535", "257M", "268435457"]),
        ("log_filename", &["", "log/x.log"], &["a\0b"]),
        ("log_level", &["error", "WARN", "info", "debug", "trace"], &["", "all", "off"]),
        ("log_format", &["text", "%(message)s", ""], &[]),
        ("log_msgfmt", &["{now} {msg}", ""], &[]),
        ("daemon_sleep", &["1", "0.33", ""], &[]),
        ("congestion", &["25"], &[]),
        ("test_drop_percent", &["0", "90"], &["91", "-1", "5%"]),
    ];

    #[test]
    fn each_range_ends_where_it_is_said_to_and_each_refusal_names_setting_value_and_range() {
        for setting in known_settings() {
            let (_, accepted, refused) =
                EDGES.iter().find(|(name, ..)| *name == setting.name).expect("edges of each setting");
            for text in *accepted {
                Config::new().set(setting.name, text).expect("within the range");
            }
            for text in *refused {
                let error = Config::new().set(setting.name, text).expect_err("outside of the range");
                let Error::BadSetting { name, value, source_name, expected } = error else {
                    panic!("{} = {text:?}: {error}", setting.name);
                };
                assert_eq!((name.as_str(), source_name.as_str()), (setting.name, "the call"));
                assert!(expected.starts_with(&setting.expected()), "{expected}");
                assert_eq!(value, if setting.is_secret() { "(not shown)".to_owned() } else { shown(text) });
            }
        }
    }

    #[test]
    fn lengths_end_where_they_are_said_to() {
        for (name, max) in [("cluster", 64), ("node_name", 64), ("interface", 255), ("log_filename", 4096)] {
            Config::new().set(name, &"n".repeat(max)).expect("the longest");
            Config::new().set(name, &"n".repeat(max + 1)).expect_err("one more");
        }
    }

    #[test]
    fn suffixes_are_powers_of_1024() {
        let size = |text: &str| resolved(&with(&[("cache_size", text)])).cache.max_bytes;
        assert_eq!((size("2048"), size("2k"), size("2K"), size("2 kib")), (2048, 2048, 2048, 2048));
        assert_eq!((size("3m"), size("3MiB"), size("1g"), size("1 GiB")), (3 << 20, 3 << 20, 1 << 30, 1 << 30));
    }

    #[test]
    fn a_length_of_time_may_have_a_unit_of_its_own() {
        let pulse = |text: &str| resolved(&with(&[("cache_pulse", text)])).audit_interval.as_millis();
        assert_eq!((pulse("3"), pulse("3m"), pulse("180s"), pulse("180 s")), (180_000, 180_000, 180_000, 180_000));
        assert_eq!((pulse("2500ms"), pulse("1.5h"), pulse("24h")), (2_500, 5_400_000, 86_400_000));
        let ttl = |text: &str| resolved(&with(&[("cache_ttl", text)])).cache.ttl.map(|ttl| ttl.as_millis());
        assert_eq!((ttl("90"), ttl("90s"), ttl("1.5m"), ttl("0s")), (Some(90_000), Some(90_000), Some(90_000), None));
        for (name, text) in [
            ("cache_pulse", "0.5s"),
            ("cache_pulse", "25h"),
            ("cache_pulse", "0s"),
            ("cache_ttl", "s"),
            ("cache_ttl", "5 parsecs"),
            ("cache_ttl", "1d"),
            ("cache_ttl", "0.5ms"),
        ] {
            Config::new().set(name, text).expect_err(text);
        }
    }

    #[test]
    fn the_originals_modes_are_known_by_their_numbers() {
        for (text, mode) in [("1", CacheMode::Replicate), ("0", CacheMode::Partial)] {
            assert_eq!(resolved(&with(&[("cache_mode", text)])).cache.mode, mode);
        }
    }

    #[test]
    fn a_long_or_strange_value_is_shown_short_and_on_one_line() {
        let error = Config::new().set("cache_max", &"\n9".repeat(100_000)).expect_err("no number").to_string();
        assert!(error.len() < 300 && !error.contains('\n') && error.contains("..."), "{error}");
        let error = Config::new().set(&"\nx".repeat(100_000), "1").expect_err("no setting").to_string();
        assert!(error.len() < 300 && !error.contains('\n'), "{error}");
    }

    #[test]
    fn a_failed_call_sets_nothing() {
        let mut config = with(&[("cache_max", "5")]);
        config.set("cache_max", "0").expect_err("out of range");
        assert_eq!(resolved(&config).cache.max_entries, 5);
    }
}

mod secrets {
    use super::*;

    #[test]
    fn both_alphabets_with_and_without_padding_give_the_same_key() {
        let url_safe = KEY.replace('+', "-").replace('/', "_");
        let texts = [KEY, &url_safe, KEY.trim_end_matches('='), url_safe.trim_end_matches('='), &format!("  {KEY}\n")];
        for text in texts {
            assert_eq!(resolved(&with(&[("crypto_key", text)])).crypto_key, [ring_key(1)], "{text}");
        }
    }

    fn ring_key(id: u8) -> RingKey {
        RingKey { id, secret: Secret([0xFB; 32]) }
    }

    #[test]
    fn several_keys_are_a_ring_with_the_primary_first() {
        let hex = "fb".repeat(32);
        let config = with(&[("crypto_key", &format!("9:{KEY}, {hex},200:{KEY}"))]);
        assert_eq!(resolved(&config).crypto_key, [ring_key(9), ring_key(1), ring_key(200)]);
        let mut config = Config::new();
        let twice = config.set("crypto_key", &format!("3:{KEY},3:{KEY}")).expect_err("one id twice").to_string();
        assert!(twice.contains("key id 3 is given twice") && twice.contains("(not shown)"), "{twice}");
    }

    #[test]
    fn an_empty_key_is_none_and_takes_a_weaker_source_s_away() {
        let directory = directory(&[("mccache.toml", &format!("crypto_key = '{KEY}'"))]);
        let config = gather(&[("MCCACHE_CRYPTO_KEY", "")], directory.path()).expect("right sources");
        assert_eq!(resolved(&config).crypto_key, []);
    }

    #[test]
    fn no_way_of_looking_shows_a_key() {
        let mut config = with(&[("crypto_key", KEY)]);
        let settings = resolved(&config);
        let wrong = format!("{KEY}{KEY}");
        let shown = [
            format!("{config:?}"),
            format!("{:?}", config.describe()),
            format!("{settings:?}"),
            format!("{:?}", settings.text_of("crypto_key")),
            config.set("crypto_key", &wrong).expect_err("too long").to_string(),
            file_error(&format!("crypto_key = '{wrong}'")),
            file_error(&format!("crypto_key = ['{KEY}']")),
            gather(&[("MCCACHE_CRYPTO_KEY", &wrong)], directory(&[]).path()).expect_err("too long").to_string(),
        ];
        for text in shown {
            assert!(!text.contains(&KEY[..8]) && !text.contains("251, 251"), "{text}");
        }
    }
}

mod networks {
    use super::*;

    #[test]
    fn without_key_and_interface_nothing_leaves_the_host() {
        assert_eq!(resolved(&Config::new()).interface, HERE);
        assert_eq!(resolved(&with(&[("insecure", "true")])).interface, HERE);
    }

    #[test]
    fn a_named_interface_needs_a_key_or_an_explicit_word() {
        for interface in ["eth0", "192.0.2.7"] {
            let error = resolve_on(&with(&[("interface", interface)]), &HOST).expect_err("neither").to_string();
            assert!(error.contains(interface) && error.contains("the call"), "{error}");
            assert!(error.contains("`crypto_key`") && error.contains("`insecure`"), "{error}");
            assert_eq!(resolved(&with(&[("interface", interface), ("crypto_key", KEY)])).interface, LAN);
            assert_eq!(resolved(&with(&[("interface", interface), ("insecure", "yes")])).interface, LAN);
        }
    }

    #[test]
    fn the_host_alone_needs_neither_and_a_key_does_not_change_that() {
        for interface in ["", "lo", "host", "127.0.0.1", "127.8.8.8"] {
            assert_eq!(resolved(&with(&[("interface", interface)])).interface, HERE);
            assert_eq!(resolved(&with(&[("interface", interface), ("crypto_key", KEY)])).interface, HERE);
        }
    }

    #[test]
    fn an_interface_that_is_none_of_the_host_s_is_refused_with_those_it_has() {
        for interface in ["eth9", "192.0.2.8"] {
            let config = with(&[("interface", interface), ("crypto_key", KEY)]);
            let error = resolve_on(&config, &HOST).expect_err("not here").to_string();
            assert!(error.contains(interface) && error.contains("eth0 (192.0.2.7)"), "{error}");
        }
    }

    #[test]
    fn with_a_key_alone_the_route_s_interface_is_taken_and_without_route_the_host_with_a_notice() {
        let config = with(&[("crypto_key", KEY)]);
        let settings = resolved(&config);
        assert_eq!((settings.interface, settings.notices.len()), (LAN, 0));
        let settings = resolve_on(&config, &FakeHost { name: "web7", route: None }).expect("still starts");
        assert_eq!(settings.interface, HERE);
        assert_eq!(settings.notices.len(), 1);
        assert!(settings.notices[0].text.contains("no route"), "{:?}", settings.notices);
    }

    #[test]
    fn the_group_is_the_cluster_s_own_unless_named_and_its_port_may_stand_in_two_places() {
        let group = |settings: &[(&str, &str)]| resolved(&with(settings)).multicast.expect("a group").to_string();
        assert_eq!(group(&[]), format!("{}:4000", crate::group::default_group("mccache")));
        assert_eq!(group(&[("cluster", "x")]), format!("{}:4000", crate::group::default_group("x")));
        assert_eq!(group(&[("multicast_ip", "239.1.2.3")]), "239.1.2.3:4000");
        assert_eq!(group(&[("multicast_ip", "239.1.2.3:5"), ("multicast_port", "6")]), "239.1.2.3:5");
        assert_eq!(group(&[("multicast_ip", "239.1.2.3"), ("multicast_port", "6")]), "239.1.2.3:6");
    }

    #[test]
    fn a_word_of_ipv6_puts_all_of_the_node_on_it() {
        let group = crate::group::default_group_v6("mccache");
        for settings in [
            &[("crypto_key", KEY), ("interface", "fd00::7")][..],
            &[("crypto_key", KEY), ("members", "[fd00::9]:4000")],
            &[("crypto_key", KEY), ("members", "dns:a, fd00::9"), ("interface", "eth0")],
        ] {
            let settings = resolved(&with(settings));
            assert_eq!((settings.interface, settings.multicast), (LAN_V6, Some((group, 4000).into())));
        }
        let named = resolved(&with(&[("crypto_key", KEY), ("interface", "eth0"), ("multicast_ip", "[ff15::1]:5")]));
        assert_eq!((named.interface, named.multicast), (LAN_V6, Some("[ff15::1]:5".parse().expect("an address"))));
        let host = resolved(&with(&[("interface", "::1")]));
        assert_eq!((host.interface, host.multicast), (Ipv6Addr::LOCALHOST.into(), Some((group, 4000).into())));
        let host = resolved(&with(&[("multicast_ip", "ff15::2")]));
        assert_eq!(host.interface, IpAddr::from(Ipv6Addr::LOCALHOST));
        let both = with(&[("crypto_key", KEY), ("interface", "192.0.2.7"), ("multicast_ip", "ff15::1")]);
        assert!(resolve_on(&both, &HOST).expect_err("two versions").to_string().contains("with an IPv6 address"));
    }

    #[test]
    fn members_are_addresses_and_names_each_with_a_port() {
        let settings =
            resolved(&with(&[("crypto_key", KEY), ("members", "10.0.0.5, 10.0.0.6:5 dns:x dns:y:6 srv:_m._udp.z")]));
        let name = |host: &str, port| Contact::Name { host: host.to_owned(), port };
        let address = |text: &str| Contact::Address(text.parse().expect("an address"));
        let members = [
            address("10.0.0.5:4000"),
            address("10.0.0.6:5"),
            name("x", 4000),
            name("y", 6),
            Contact::Service { name: "_m._udp.z".to_owned() },
        ];
        assert_eq!(settings.members, members);
        assert_eq!((settings.unicast_port, settings.interface), (Some(4000), LAN));
        assert_eq!(resolved(&with(&[])).unicast_port, None);
        assert_eq!(resolved(&with(&[("multicast_ip", "none"), ("multicast_port", "7")])).unicast_port, Some(7));
        assert_eq!(resolved(&with(&[("multicast_ip", "239.1.1.1:9"), ("members", "127.0.0.1")])).unicast_port, Some(9));
        let own = resolved(&with(&[("unicast_port", "6"), ("members", "127.0.0.1, ")]));
        assert_eq!((own.unicast_port, own.members), (Some(6), vec![address("127.0.0.1:6")]));
        let list = file_settings("members = ['127.0.0.1:5', 'dns:x']");
        assert_eq!(list.members, [address("127.0.0.1:5"), name("x", 4000)]);
        assert!(file_error("members = [5]").contains("an array"));
    }

    #[test]
    fn members_that_can_never_be_reached_are_refused() {
        for (settings, said) in [
            (&[("members", "10.0.0.5")][..], "`crypto_key`"),
            (&[("members", "10.0.0.5"), ("crypto_key", KEY), ("interface", "host")], "does not leave it"),
            (&[("members", "10.0.0.5 fd00::5"), ("crypto_key", KEY)], "fd00::5 is none"),
            (&[("members", "::1"), ("interface", "127.0.0.1"), ("multicast_ip", "239.1.1.1")], "IPv4 addresses"),
        ] {
            let error = resolve_on(&with(settings), &HOST).expect_err("out of reach").to_string();
            assert!(error.contains("`members`") && error.contains(said), "{error}");
        }
        let here = resolved(&with(&[("members", "127.0.0.1:4001"), ("crypto_key", KEY)]));
        assert_eq!(here.interface, HERE, "all of them are on this host, so it is not left");
    }

    #[test]
    fn the_made_up_name_is_one_that_is_accepted() {
        let name = |host: &'static str| {
            let settings = resolve_on(&Config::new(), &FakeHost { name: host, route: None }).expect("the defaults");
            Config::new().set("node_name", &settings.node_name).expect("a name that is accepted");
            settings.node_name
        };
        assert_eq!(name("web7"), "web7-4711");
        assert_eq!(name(""), "node-4711");
        let long = name("üüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüü");
        assert_eq!((long.len(), long.ends_with("-4711")), (63, true));
    }

    #[test]
    fn this_host_answers() {
        assert!(!host::ThisHost.name().is_empty());
        let interfaces = host::ThisHost.interfaces().expect("a list");
        assert!(interfaces.iter().any(|(_, address)| address.is_loopback()), "{interfaces:?}");
        Config::new().settings().expect("the defaults hold on every host");
    }
}

mod notices {
    use super::*;

    fn noticed(name: &'static str, value: &str) -> Vec<Notice> {
        resolved(&with(&[(name, value)])).notices
    }

    #[test]
    fn what_is_ignored_or_doubtful_is_said_once_each() {
        for (name, value, word) in [
            ("daemon_sleep", "1", "ignored"),
            ("congestion", "25", "ignored"),
            ("log_msgfmt", "{msg}", "ignored"),
            ("log_format", "%(message)s", "ignored"),
            ("log_format", "json", "`text` is the only format"),
            ("multicast_ip", "224.0.0.3", "link-local"),
            ("cache_pulse", "300", "minutes"),
        ] {
            let notices = noticed(name, value);
            assert_eq!(notices.len(), 1, "{notices:?}");
            assert_eq!(notices[0].setting, name);
            let text = &notices[0].text;
            assert!(text.contains(name) && text.contains(word) && text.contains("the call"), "{text}");
        }
    }

    #[test]
    fn what_is_as_it_should_be_is_not_spoken_of() {
        assert_eq!(resolved(&Config::new()).notices, []);
        for (name, value) in
            [("log_format", "text"), ("multicast_ip", "224.0.1.3"), ("cache_pulse", "59"), ("cache_pulse", "2h")]
        {
            assert_eq!(noticed(name, value), [], "{name}");
        }
    }
}

mod texts {
    use super::*;

    #[test]
    fn a_description_has_each_setting_with_value_and_source() {
        let directory = directory(&[("mccache.toml", "\ncluster = 'x'\n")]);
        let config = gather(&[("MCCACHE_INSECURE", "on")], directory.path()).expect("right sources");
        let described = config.describe();
        assert!(described.iter().map(|one| one.setting.name).eq(known_settings().iter().map(|one| one.name)));
        let find = |name: &str| {
            let one = described.iter().find(|one| one.setting.name == name).expect("each setting");
            (one.value.clone(), one.source.clone())
        };
        let file = format!("{}, line 2", directory.path().join("mccache.toml").display());
        assert_eq!(find("cluster"), ("x".to_owned(), file));
        assert_eq!(find("insecure"), ("on".to_owned(), "the environment".to_owned()));
        assert_eq!(find("packet_mtu"), ("1400".to_owned(), "the defaults".to_owned()));
    }

    #[test]
    fn the_text_of_a_setting_gives_the_same_setting() {
        let settings = resolved(&with(&[
            ("cache_ttl", "0.25"),
            ("cache_mode", "local"),
            ("cache_pulse", "0.7"),
            ("interface", "eth0"),
            ("insecure", "true"),
            ("log_level", "debug"),
            ("log_filename", "x.log"),
        ]));
        let mut again = Config::new();
        for setting in known_settings() {
            let Some(text) = settings.text_of(setting.name) else {
                assert_eq!(setting.origin, Origin::Obsolete, "{}", setting.name);
                continue;
            };
            again.set(setting.name, &text).expect("a text that is accepted");
        }
        assert_eq!(resolved(&again), settings);
        assert_eq!(settings.text_of("nothing"), None);
    }

    fn rendered_table() -> String {
        let mut table =
            String::from("| name, variable | default | accepted | of | from | meaning |\n|---|---|---|---|---|---|\n");
        for setting in known_settings() {
            let default = match setting.default {
                Fallback::Value("") => "none".to_owned(),
                Fallback::Value(text) => format!("`{text}`"),
                Fallback::Derived(rule) => rule.to_owned(),
            };
            let level = match setting.level {
                Level::Node => "node",
                Level::Cache => "cache",
            };
            let origin = match setting.origin {
                Origin::Original => "original",
                Origin::Obsolete => "original, no effect",
                Origin::Ours => "new",
            };
            let (name, variable, expected) = (setting.name, setting.variable(), setting.expected());
            let meaning = setting.meaning;
            writeln!(table, "| `{name}`<br>`{variable}` | {default} | {expected} | {level} | {origin} | {meaning} |")
                .expect("a String takes all");
        }
        table
    }

    /// To bring the document up to date, run this test and put what it prints in the table's place.
    #[test]
    fn the_document_s_table_is_the_table_of_settings() {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/CONFIGURATION.md");
        let document = std::fs::read_to_string(path).expect("the document");
        let table = rendered_table();
        assert!(document.contains(&table), "docs/CONFIGURATION.md should contain this table:\n{table}");
    }

    #[test]
    fn names_are_unique_and_each_meaning_is_said() {
        let mut names: Vec<_> = known_settings().iter().map(|setting| setting.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), known_settings().len());
        for setting in known_settings() {
            assert!(setting.meaning.ends_with('.') && !setting.meaning.contains('|'), "{}", setting.name);
            assert!(setting.name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{}", setting.name);
            assert_ne!(setting.variable(), environment::FILE_VARIABLE);
        }
    }
}
