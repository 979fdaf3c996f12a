//! What processes do: die, stand still, come late, fork, share a host.
#![expect(clippy::disallowed_methods, reason = "a stop lasts for a time, and what follows is measured")]

use std::thread::sleep;
use std::time::{Duration, Instant};

use super::cast::{Cast, Lab, Worked, ready};
use super::member::{ANSWER_MAX, Member};
use super::network::{SECOND, conclude};

/// How long a process stands still: twice what it takes to be declared down.
const STOPPED: Duration = Duration::from_secs(10);
/// Work that keeps the stream busy, in seconds; shorter than the stop, and long enough to be down in the middle of it.
const BUSY: u64 = 8;
/// What the others must keep of their throughput while one stands still, in percent.
const KEPT_MIN: f64 = 80.0;

/// A member is killed in the middle of its writes, and a new one of the same name takes its place while the others write.
pub(crate) fn killed(lab: &mut Lab<'_>) -> Result<(), String> {
    let mut cast = Cast::start(lab, 3, &[])?;
    order_work(&mut cast.members[..2], "seconds=4 keys=200 aperture=2000 gets=20 deletes=20")?;
    cast.members[2].ask("run seconds=60 keys=200 prefix=killed- aperture=500 gets=0 deletes=20")?;
    sleep(SECOND);
    cast.members[2].signal("KILL")?;
    drop(cast.members.pop());
    let at = cast.add(2, "m2", &[])?;
    let took = ready(&mut cast.members[at])?;
    lab.say(format!("  the new one was ready {took:.1?} after it was started"));
    let worked = await_work(&mut cast.members[..2])?;
    cast.agree_within(lab, worked.last_write, "the last write", SECOND)?;
    cast.await_all()?;
    cast.check_but_for(lab, Some("killed-"))?;
    if took > SECOND { Err(format!("a joiner took {took:?}; at most {SECOND:?}")) } else { Ok(()) }
}

/// A member is stopped (SIGSTOP) for ten seconds while the others write, and goes on.
pub(crate) fn frozen(lab: &mut Lab<'_>) -> Result<(), String> {
    let mut cast = Cast::start(lab, 4, &[])?;
    let free = throughput(&mut cast.members[..3], BUSY)?;
    cast.members[3].signal("STOP")?;
    let begun = Instant::now();
    let stopped = throughput(&mut cast.members[..3], BUSY)?;
    sleep(STOPPED.saturating_sub(begun.elapsed()));
    cast.members[3].signal("CONT")?;
    let back = Instant::now();
    let share = 100.0 * stopped / free;
    lab.say(format!("  the others sent {free:.0} updates a second before and {stopped:.0} meanwhile, {share:.0} %"));
    cast.agree_within(lab, back, "it went on", 2 * SECOND)?;
    cast.await_all()?;
    cast.check(lab)?;
    if share < KEPT_MIN { Err(format!("the others fell to {share:.0} %; at least {KEPT_MIN} %")) } else { Ok(()) }
}

/// Updates that these members send in a second when they write as fast as they can.
fn throughput(members: &mut [Member], seconds: u64) -> Result<f64, String> {
    let before = updates_sent(members)?;
    order_work(members, &format!("seconds={seconds} keys=2000 aperture=0 longest=1000 gets=20"))?;
    await_work(members)?;
    Ok((updates_sent(members)? - before) / seconds as f64)
}

fn updates_sent(members: &mut [Member]) -> Result<f64, String> {
    let mut sent = 0.0;
    for member in members {
        sent += member.ask("figures")?.figure("updates_sent") as f64;
    }
    Ok(sent)
}

fn order_work(members: &mut [Member], options: &str) -> Result<(), String> {
    members.iter_mut().try_for_each(|member| member.ask(&format!("run {options}")).map(drop))
}

fn await_work(members: &mut [Member]) -> Result<Worked, String> {
    members.iter_mut().try_for_each(|member| member.order("wait"))?;
    let answers = members.iter_mut().map(|member| member.answer(ANSWER_MAX)).collect::<Result<Vec<_>, _>>()?;
    Worked::of(&answers)
}

/// A member joins a cluster that holds 2,000 keys and is being written to.
pub(crate) fn joiner(lab: &mut Lab<'_>) -> Result<(), String> {
    join(lab, 2_000, SECOND)
}

/// The same with a million entries of 100 bytes.
pub(crate) fn joiner_million(lab: &mut Lab<'_>) -> Result<(), String> {
    join(lab, 1_000_000, Duration::from_secs(60))
}

fn join(lab: &mut Lab<'_>, keys: u64, mark: Duration) -> Result<(), String> {
    let mut cast = Cast::start(lab, 3, &[])?;
    cast.net.add_host()?;
    let filled = cast.members[0].ask(&format!("fill held- {keys} 100"))?;
    cast.agree_within(lab, filled.at, &format!("{keys} puts"), mark)?;
    order_work(&mut cast.members, "seconds=60 keys=500 aperture=2000 gets=20 deletes=20")?;
    let at = cast.add(3, "m3", &[])?;
    let took = ready(&mut cast.members[at])?;
    lab.say(format!("  the joiner was ready {took:.1?} after it was started, while the others wrote"));
    cast.members[..3].iter_mut().try_for_each(|member| member.order("stop"))?;
    let answers: Result<Vec<_>, _> = cast.members[..3].iter_mut().map(|member| member.answer(ANSWER_MAX)).collect();
    let worked = Worked::of(&answers?)?;
    cast.agree_within(lab, worked.last_write, "the last write", SECOND)?;
    if keys <= 10_000 {
        cast.check(lab)?
    } else {
        lab.say(format!("  {}", cast.check_equal()?))
    }
    if took > mark { Err(format!("the joiner took {took:?}; at most {mark:?}")) } else { Ok(()) }
}

/// A member forks children that use its handle, as servers do that fork before they serve.
pub(crate) fn prefork(lab: &mut Lab<'_>) -> Result<(), String> {
    let children = 3;
    let mut cast = Cast::start(lab, 2, &[])?;
    cast.work("seconds=1 keys=100 aperture=2000")?;
    cast.members[0].ask(&format!("fork {children} 3"))?;
    let worked = cast.work("seconds=3 keys=100 aperture=2000")?;
    cast.agree_within(lab, worked.last_write, "the last write of the two parents", 2 * SECOND)?;
    for child in 0..children {
        let done: String = format!("done-{child}").bytes().map(|byte| format!("{byte:02x}")).collect();
        super::data::await_value(&mut cast, &done, "value 1 24", Instant::now())?;
    }
    let others = children + 1;
    cast.ask_all(&format!("others {others} 10"))?;
    // 73746f70 is `stop`: the children look at what they hold when it is there.
    cast.members[1].ask("put 73746f70 24 1")?;
    let mut told = Vec::new();
    for _ in 0..children {
        told.push(cast.members[0].answer(ANSWER_MAX)?.line);
    }
    let digest = cast.digest()?;
    lab.say(format!("  {children} children and 2 parents hold {digest}"));
    match told.iter().find(|line| **line != format!("child {digest}")) {
        Some(other) => Err(format!("a child says: {other}")),
        None => cast.tell_figures(lab),
    }
}

/// Three members on one host, who share its address and the group's port, and two on another; both hosts lose 5 %.
pub(crate) fn one_host(lab: &mut Lab<'_>) -> Result<(), String> {
    let mut cast = Cast::start(lab, 2, &[])?;
    for (host, name) in [(0, "m2"), (0, "m3"), (1, "m4")] {
        let at = cast.add(host, name, &[])?;
        ready(&mut cast.members[at])?;
    }
    cast.await_all()?;
    super::network::lose_everywhere(&cast, 2, 50)?;
    let worked = cast.work("seconds=3 keys=100 aperture=2000")?;
    conclude(lab, &mut cast, &worked, 2)
}
