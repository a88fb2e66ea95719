//! Ticks by the wall clock, also where it is changed (tokio-cron-scheduler 107, node-cron 492).

use std::{
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use aiotools::{
    VirtualClock,
    time::{Schedule, TimerBuilder, system_time},
    timer,
};

type Seen = Arc<Mutex<Vec<u64>>>;

fn date(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn seconds() -> u64 {
    let now = system_time().duration_since(SystemTime::UNIX_EPOCH);
    now.unwrap().as_secs()
}

#[timer(schedule = "30 2 * * *", tz = "Europe/Berlin", policy = skip)]
async fn nightly(seen: Seen) {
    seen.lock().unwrap().push(seconds());
}

/// When it ticks, from a date on, for so many days.
fn ticks(start: u64, days: u64) -> Vec<u64> {
    VirtualClock::builder()
        .system_time(date(start))
        .run(async move {
            let seen = Seen::default();
            let timer = nightly(seen.clone());
            tokio::time::sleep(Duration::from_secs(days * 86_400)).await;
            timer.cancel().await;
            let seen = seen.lock().unwrap();
            seen.clone()
        })
}

const HOUR: u64 = 3600;

/// 2026-03-29: in Berlin, 02:30 does not exist.
#[test]
fn where_clocks_go_forward() {
    let midnight = 1_774_656_000; // 2026-03-28 00:00 UTC
    let seen = ticks(midnight, 3);
    let first = midnight + HOUR + HOUR / 2; // 02:30 CET
    let gap = midnight + 25 * HOUR; // 03:00 CEST, where the gap ends
    let third = midnight + 48 * HOUR + HOUR / 2; // 02:30 CEST
    assert_eq!(seen, [first, gap, third]);
}

/// 2026-10-25: in Berlin, 02:30 exists twice.
#[test]
fn where_clocks_go_back() {
    let midnight = 1_792_800_000; // 2026-10-24 00:00 UTC
    let seen = ticks(midnight, 3);
    let first = midnight + HOUR / 2; // 02:30 CEST
    let once = midnight + 24 * HOUR + HOUR / 2; // 02:30 CEST, the first of two
    let third = midnight + 49 * HOUR + HOUR / 2; // 02:30 CET
    assert_eq!(seen, [first, once, third]);
}

/// A laptop that slept over three ticks: one at most, late, and on schedule again.
#[test]
fn a_wall_clock_that_jumps() {
    VirtualClock::builder()
        .system_time(date(946_684_800))
        .run(async {
            let seen = Seen::default();
            let s = seen.clone();
            let hourly = Schedule::new("0 * * * *").unwrap();
            let timer = TimerBuilder::scheduled(hourly).start(move |_| {
                s.lock().unwrap().push(seconds() - 946_684_800);
                async {}
            });
            tokio::time::sleep(Duration::from_secs(10)).await;
            let clock = VirtualClock::current();
            clock.set_system_time(date(946_684_800 + 3 * HOUR + 600));
            tokio::time::sleep(Duration::from_secs(HOUR)).await;
            timer.cancel().await;
            let seen = seen.lock().unwrap();
            assert_eq!(seen.len(), 2);
            assert!(
                (3 * HOUR + 600..=3 * HOUR + 660).contains(&seen[0]),
                "{seen:?}"
            );
            assert_eq!(seen[1], 4 * HOUR);
        });
}

#[test]
fn what_cannot_be_understood_is_an_error() {
    let error = Schedule::new("every day").unwrap_err();
    assert_eq!(error.to_string(), "`every day` is not a cron expression");
    let error = Schedule::new("* * * * *").unwrap().in_zone("Mars/Base");
    assert_eq!(
        error.unwrap_err().to_string(),
        "there is no time zone `Mars/Base`"
    );
}

#[timer(schedule = "0 3 * * *", policy = skip)]
async fn slow() {
    tokio::time::sleep(Duration::from_secs(10 * 60)).await;
}

/// A timer that looks at the wall clock each minute leaves nothing out by that.
#[test]
fn a_look_at_the_clock_is_no_tick() {
    VirtualClock::builder().system_time(date(0)).run(async {
        let timer = slow();
        tokio::time::sleep(Duration::from_secs(4 * HOUR)).await;
        assert_eq!((timer.ticks(), timer.skipped()), (1, 0));
        timer.cancel().await;
    });
}
