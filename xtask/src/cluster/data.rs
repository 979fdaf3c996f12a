//! What is written: much at once, large values, bytes that are no text, the same keys by all, behind somebody's clock.
#![expect(clippy::disallowed_methods, reason = "it waits for a member to see what another wrote")]

use std::time::{Duration, Instant};

use super::cast::{Cast, Lab, ready};
use super::network::{SECOND, STOCK_BUFFER, conclude, lose_everywhere};

/// One member writes 10,000 keys of 100 bytes as fast as it can, then each does at once.
pub(crate) fn burst(lab: &mut Lab<'_>) -> Result<(), String> {
    let mut cast = Cast::start(lab, 3, &[STOCK_BUFFER])?;
    let filled = cast.members[0].ask("fill one- 10000 100")?;
    lab.say(format!("  10,000 puts took {} us", filled.word(1)));
    cast.agree_within(lab, filled.at, "the last put of one", SECOND)?;
    for (at, member) in cast.members.iter_mut().enumerate() {
        member.order(&format!("fill all-{at}- 10000 100"))?;
    }
    for member in &mut cast.members {
        member.answer(super::member::ANSWER_MAX)?;
    }
    let last = Instant::now();
    cast.agree_within(lab, last, "the last put of three at once", SECOND)?;
    cast.check(lab)
}

/// Values of every size there is trouble with, one after the other, with and without loss.
pub(crate) fn large_values(lab: &mut Lab<'_>) -> Result<(), String> {
    let mut cast = Cast::start(lab, 3, &[])?;
    for permille in [0, 50] {
        lose_everywhere(&cast, 3, permille)?;
        for (name, len) in [("65,535 B", 65_535), ("300 KB", 300_000), ("1 MB", 1_000_000), ("50 MiB", 50 << 20)] {
            // The key is its length in hexadecimal digits, which differs from size to size.
            let put = cast.members[0].ask(&format!("put {len:08x} {len} {permille}"))?;
            let mark = if len > 1_000_000 { 10 * SECOND } else { SECOND };
            let event = format!("the put of {name}, {} % lost", permille / 10);
            cast.agree_within(lab, put.at, &event, mark)?;
        }
    }
    cast.check(lab)
}

/// Keys and values that are no text: none, one zero byte, every byte above 127, 65,535 bytes.
pub(crate) fn not_text(lab: &mut Lab<'_>) -> Result<(), String> {
    let mut cast = Cast::start(lab, 3, &[])?;
    let keys = [".", "00", "0000", "ff", "c328", "fffefdfc00", "eda080", "65535*ff", "65535*00", "1300*fe"];
    let mut last = Instant::now();
    for (at, key) in keys.iter().enumerate() {
        let member = at % 3;
        last = cast.members[member].ask(&format!("put {key} 300 {at}"))?.at;
    }
    cast.agree_within(lab, last, "the last put", SECOND)?;
    for (at, key) in keys.iter().enumerate() {
        for member in &mut cast.members {
            let found = member.ask(&format!("get {key}"))?.line;
            if found != format!("value {at} 300") {
                return Err(format!("{} has {found} under {key}", member.name));
            }
        }
    }
    for (at, key) in keys.iter().enumerate().filter(|(at, _)| at % 2 == 0) {
        last = cast.members[(at + 1) % 3].ask(&format!("delete {key}"))?.at;
    }
    cast.agree_within(lab, last, "the last delete", SECOND)?;
    cast.check(lab)
}

/// All write and delete the same twenty keys as fast as they can, through loss.
pub(crate) fn conflicts(lab: &mut Lab<'_>) -> Result<(), String> {
    let mut cast = Cast::start(lab, 3, &[])?;
    lose_everywhere(&cast, 3, 50)?;
    let worked = cast.work("seconds=4 keys=20 aperture=0 gets=20 deletes=40")?;
    conclude(lab, &mut cast, &worked, 3)
}

/// One iterates over and over while the others write and delete.
pub(crate) fn iteration(lab: &mut Lab<'_>) -> Result<(), String> {
    let mut cast = Cast::start(lab, 3, &[])?;
    let filled = cast.members[1].ask("fill stay- 1000 100")?;
    cast.agree_within(lab, filled.at, "1,000 puts", SECOND)?;
    cast.members[0].ask("run iterate=stay- keys=1000 seconds=4")?;
    for member in &mut cast.members[1..] {
        member.ask("run seconds=4 keys=2000 aperture=200 gets=0 deletes=40")?;
    }
    let rounds = cast.members[0].ask("wait")?;
    let mut answers = Vec::new();
    for member in &mut cast.members[1..] {
        answers.push(member.ask("wait")?);
    }
    lab.say(format!("  {}; each met 1,000 keys that stay once", rounds.line));
    let worked = super::cast::Worked::of(&answers)?;
    conclude(lab, &mut cast, &worked, 3)
}

/// A member whose clock is two seconds behind overwrites and deletes what it has seen, and is overwritten.
pub(crate) fn clock_behind(lab: &mut Lab<'_>) -> Result<(), String> {
    let library = lab.behind.clone()?;
    let mut cast = Cast::start(lab, 2, &[])?;
    cast.net.add_host()?;
    let preload = library.display().to_string();
    let late = cast.add(2, "late", &[("LD_PRELOAD", preload), ("BEHIND_SECONDS", "2".to_owned())])?;
    ready(&mut cast.members[late])?;
    cast.await_all()?;
    let mut counter = 0;
    for round in 0..20 {
        let key = format!("{round:04x}");
        for writer in [0, late, 1, late] {
            counter += 1;
            let put = cast.members[writer].ask(&format!("put {key} 100 {counter}"))?.at;
            await_value(&mut cast, &key, &format!("value {counter} 100"), put)?;
        }
        if round % 2 == 0 {
            let deleted = cast.members[late].ask(&format!("delete {key}"))?.at;
            await_value(&mut cast, &key, "none", deleted)?;
        }
    }
    lab.say(format!(
        "  {counter} puts and 10 deletes, half of the puts and all deletes by the late one, were seen by all"
    ));
    let worked = cast.work("seconds=3 keys=100 aperture=2000 gets=20 deletes=20")?;
    conclude(lab, &mut cast, &worked, 2)?;
    // A check of the check: the host's clock is behind, or the whole story means nothing.
    let (host, node) = (behind(&mut cast, late, 1)?, behind(&mut cast, late, 2)?);
    lab.say(format!("  its host's clock is {host} ms behind, and its node goes by one that is {node} ms behind"));
    match (host, node) {
        (1_500.., ..=500) => {}
        (..1_500, _) => return Err(format!("the late one's clock is only {host} ms behind")),
        _ => return Err(format!("the late one's node goes by a clock that is {node} ms behind")),
    }
    Ok(())
}

/// Waits until all read this under the key.
pub(crate) fn await_value(cast: &mut Cast, key: &str, wanted: &str, since: Instant) -> Result<(), String> {
    loop {
        let answers = cast.ask_all(&format!("get {key}"))?;
        if answers.iter().all(|answer| answer.line == wanted) {
            return Ok(());
        }
        if since.elapsed() > SECOND {
            let told: Vec<&str> = answers.iter().map(|answer| answer.line.as_str()).collect();
            return Err(format!("{key} should be {wanted} at all after {SECOND:?}, but is {}", told.join(", ")));
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// By how many milliseconds a clock of a member is behind that of the first one, as they say themselves: word 1 is the
/// host's, word 2 the one that the node goes by.
fn behind(cast: &mut Cast, late: usize, word: usize) -> Result<u64, String> {
    let wall = |cast: &mut Cast, at: usize| -> Result<u64, String> {
        cast.members[at].ask("wall")?.word(word).parse().map_err(|_| "no wall clock".to_owned())
    };
    Ok(wall(cast, 0)?.saturating_sub(wall(cast, late)?))
}
