//! The quarantine over simulated time: nobody is hurt, nobody starves.

use super::*;

fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

fn new() -> (Quarantine, Instant) {
    (Quarantine::new(Duration::ZERO), Instant::now())
}

/// Goal: where nothing else is due, a suspect is run at once, and nothing beside it.
#[test]
fn an_idle_worker_runs_a_suspect_at_once() {
    let (mut quarantine, now) = new();
    assert_eq!(quarantine.decide(now, 0), Pick::Ordinary);
    quarantine.ordinary_answered(now, false, true);
    assert_eq!(quarantine.wake_at(0), Some(now));
    assert_eq!(quarantine.decide(now, 0), Pick::Suspect);
    quarantine.suspect_answered(now, true, false);
    assert_eq!(quarantine.decide(now + seconds(3600.0), 1), Pick::Nothing);
    assert!(!quarantine.suspect_done(now + seconds(3600.0)));
    assert_eq!(quarantine.decide(now + seconds(3600.0), 1), Pick::Ordinary);
}

/// Goal: a busy worker stops claiming after a second, asks for room once after five more, and then runs it alone.
#[test]
fn a_busy_worker_makes_room() {
    let (mut quarantine, start) = new();
    quarantine.ordinary_answered(start, true, true);
    assert_eq!(quarantine.decide(start + seconds(0.9), 3), Pick::Ordinary);
    quarantine.ordinary_answered(start + seconds(0.9), true, true);
    assert_eq!(quarantine.wake_at(3), Some(start + seconds(1.0)), "it counts from when the suspect was first seen");
    let closing = start + seconds(1.0);
    assert_eq!(quarantine.decide(closing, 3), Pick::Nothing);
    assert!(!quarantine.asks_to_release(closing + seconds(4.9)));
    assert!(quarantine.asks_to_release(closing + seconds(5.0)));
    assert!(!quarantine.asks_to_release(closing + seconds(5.1)), "once is enough");
    assert_eq!(quarantine.decide(closing + seconds(6.0), 1), Pick::Nothing);
    assert_eq!(quarantine.decide(closing + seconds(7.0), 0), Pick::Suspect);
}

/// Goal: when the suspect is gone meanwhile, work goes on at once.
#[test]
fn a_suspect_that_vanished_stops_nothing() {
    let (mut quarantine, now) = new();
    quarantine.ordinary_answered(now, true, true);
    let later = now + seconds(1.0);
    assert_eq!(quarantine.decide(later, 0), Pick::Suspect);
    quarantine.suspect_answered(later, false, false);
    assert_eq!(quarantine.decide(later, 0), Pick::Ordinary);
    // A store that goes on speaking of one that it does not give must not make the worker spin.
    quarantine.ordinary_answered(later, false, true);
    assert_eq!(quarantine.decide(later + seconds(0.5), 0), Pick::Ordinary);
    assert_eq!(quarantine.wake_at(0), Some(later + seconds(1.0)));
    assert_eq!(quarantine.decide(later + seconds(1.0), 0), Pick::Suspect);
}

/// Goal: of 51 suspects, each is cleared after its next step, one after the other, without the others between.
#[test]
fn many_suspects_are_cleared_in_one_session() {
    let (mut quarantine, start) = new();
    let mut now = start;
    quarantine.ordinary_answered(now, false, true);
    for left in (0..51).rev() {
        assert_eq!(quarantine.decide(now, 0), Pick::Suspect);
        quarantine.suspect_answered(now, true, left > 0);
        now += seconds(0.2);
        assert_eq!(quarantine.suspect_done(now), left > 0, "the next one waits");
        if left > 0 {
            // It is on the way to its next checkpoint.
            assert_eq!(quarantine.decide(now, 1), Pick::Nothing);
            now += seconds(0.2);
        }
    }
    assert_eq!(quarantine.decide(now, 1), Pick::Ordinary, "the last one is a task like any other");
    assert!(now - start < seconds(25.0));
}

/// Goal: after a session the others have as long as it took, unless nothing of theirs is due.
#[test]
fn the_others_have_their_turn() {
    let (mut quarantine, start) = new();
    quarantine.ordinary_answered(start, false, true);
    assert_eq!(quarantine.decide(start, 0), Pick::Suspect);
    quarantine.suspect_answered(start, true, true);
    let end = start + seconds(100.0);
    assert!(!quarantine.suspect_done(end), "the session was long enough, although another one waits");
    assert_eq!(quarantine.decide(end, 0), Pick::Ordinary);
    quarantine.ordinary_answered(end, true, true);
    assert_eq!(quarantine.decide(end + seconds(99.0), 5), Pick::Ordinary);
    let mut unless = quarantine;
    assert_eq!(unless.decide(end + seconds(100.0), 5), Pick::Nothing, "the suspects' turn again");

    let (mut quarantine, start) = new();
    quarantine.ordinary_answered(start, false, true);
    quarantine.decide(start, 0);
    quarantine.suspect_answered(start, true, true);
    quarantine.suspect_done(end);
    assert_eq!(quarantine.decide(end, 0), Pick::Ordinary);
    quarantine.ordinary_answered(end, false, true);
    assert_eq!(quarantine.decide(end, 0), Pick::Suspect, "nobody else wants the time");
}

/// Goal: steps of ten minutes that overlap for ever neither keep a suspect out for ever nor lose half their time.
#[test]
fn long_steps_starve_nobody() {
    const STEP: f64 = 600.0;
    let (mut quarantine, start) = new();
    let tick = seconds(0.5);
    let mut now = start;
    let mut open = Duration::ZERO;
    // Ends of the steps in flight; whenever claiming is allowed, one begins each minute.
    let mut running: Vec<Instant> = Vec::new();
    let mut last_begun = start - seconds(60.0);
    loop {
        running.retain(|end| *end > now);
        match quarantine.decide(now, running.len()) {
            Pick::Ordinary => {
                let begins = now - last_begun >= seconds(60.0);
                if begins {
                    running.push(now + seconds(STEP));
                    last_begun = now;
                }
                quarantine.ordinary_answered(now, begins, true);
                open += tick;
            }
            Pick::Suspect => break,
            Pick::Nothing => {}
        }
        now += tick;
        assert!(now - start < seconds(4.0 * 3600.0), "the suspect starves");
    }
    // The last closing, which succeeded, is as long as a step at most.
    assert!(open + seconds(STEP) >= (now - start).mul_f64(0.5), "the others starve");
}
