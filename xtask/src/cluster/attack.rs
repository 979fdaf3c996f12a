//! What strangers on the network do: noise, forged headers, another key.

use super::cast::{Cast, Lab, ready};
use super::member::{ANSWER_MAX, Member};
use super::network::conclude;

/// What members write while they are under attack.
const WORK: &str = "seconds=4 keys=200 aperture=1000 gets=20 deletes=20";

/// A stranger sends random bytes, half of them with a proper header, as fast as it can.
pub(crate) fn noise(lab: &mut Lab<'_>) -> Result<(), String> {
    let group = "239.192.1.2:4000";
    let mut cast = Cast::start(lab, 3, &[&format!("multicast_ip={group}")])?;
    let host = cast.net.add_host()?;
    let cluster = format!("c{}", std::process::id());
    let words = ["attack", group, &cast.net.address(host), &cluster, "4"].map(str::to_owned);
    let mut stranger = Member::start(&lab.program, &cast.net.namespace(host), &words, &[])?;
    let worked = cast.work(WORK)?;
    lab.say(format!("  the stranger: {}", stranger.answer(ANSWER_MAX)?.line));
    cast.check_states(2)?;
    conclude(lab, &mut cast, &worked, 3)?;
    match cast.counter("rejected_header")? + cast.counter("rejected_seal")? + cast.counter("rejected_rate")? {
        0 => Err("nothing of the attack arrived".to_owned()),
        _ => Ok(()),
    }
}

/// Two nodes of the same name of cluster, group and port, but with another key, who write to each other through the same
/// group as fast as they can.
pub(crate) fn wrong_key(lab: &mut Lab<'_>) -> Result<(), String> {
    let mut cast = Cast::start(lab, 3, &[])?;
    let mut strangers = Vec::new();
    for name in ["stranger-1", "stranger-2"] {
        let host = cast.net.add_host()?;
        let at = cast.add_with(host, name, &[OTHER_KEY], &[])?;
        let mut stranger = cast.members.remove(at);
        ready(&mut stranger)?;
        strangers.push(stranger);
    }
    for stranger in &mut strangers {
        stranger.ask("others 1 10")?;
        stranger.ask("run seconds=4 keys=5000 prefix=strange- aperture=0 gets=0 deletes=20 longest=1000")?;
    }
    let worked = cast.work(WORK)?;
    let mut sent = 0;
    for stranger in &mut strangers {
        stranger.ask("wait")?;
        sent += stranger.ask("figures")?.figure("datagrams_sent");
        stranger.ask("others 1 10")?;
    }
    lab.say(format!("  the strangers sent {sent} datagrams, and know only each other"));
    cast.check_states(2)?;
    conclude(lab, &mut cast, &worked, 3)?;
    match cast.counter("rejected_seal")? + cast.counter("rejected_rate")? {
        0 => Err("nothing of the attack arrived".to_owned()),
        _ => Ok(()),
    }
}

/// Another 32 bytes than those of the clusters under test.
const OTHER_KEY: &str = "crypto_key=ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=";
