//! What each policy does when ticks take longer than the interval, or come too late.

use std::sync::{Arc, OnceLock};

use aiotools::{Timer, TimerBuilder, TimerDelayPolicy as Policy, VirtualClock, create_timer};

use crate::support::{Log, ms, sleep, tick};

/// Runs a timer of 100 ms for so long.
fn run(policy: Policy, work: u64, cleanup: u64, time: u64) -> Log {
    VirtualClock::run(async {
        let log = Log::default();
        let l = log.clone();
        let timer = create_timer(move |_| tick(l.clone(), work, cleanup), ms(100), policy);
        sleep(time).await;
        timer.cancel().await;
        log.add("stopped");
        log
    })
}

#[test]
fn accumulate_lets_ticks_overlap() {
    let log = run(Policy::Accumulate, 250, 0, 550);
    assert_eq!(log.times("start"), [0, 100, 200, 300, 400, 500]);
    assert_eq!(log.times("end"), [250, 350, 450, 550]);
}

#[test]
fn cancel_waits_for_the_cleanup_and_keeps_the_schedule() {
    let log = run(Policy::Cancel, 1000, 30, 350);
    assert_eq!(log.times("start"), [0, 130, 230, 330]);
    assert_eq!(log.times("cancelled"), [100, 200, 300, 350]);
    assert_eq!(log.times("cleaned"), [130, 230, 330, 380]);
    assert_eq!(log.times("stopped"), [380]);
}

/// A fault of upstream: cleanup time is not added to the period; what is due meanwhile is left out.
#[test]
fn cancel_with_a_cleanup_longer_than_the_interval() {
    let log = run(Policy::Cancel, 1000, 250, 1010);
    assert_eq!(log.times("cancelled")[..2], [100, 400]);
    assert_eq!(log.times("start")[..3], [0, 350, 650]);
}

#[test]
fn cancel_leaves_a_tick_alone_that_is_quick() {
    let log = run(Policy::Cancel, 50, 30, 250);
    assert_eq!(log.times("start"), [0, 100, 200]);
    assert_eq!(log.count("cancelled"), 0);
}

#[test]
fn skip_leaves_out_what_is_due_meanwhile() {
    let log = run(Policy::Skip, 250, 0, 700);
    assert_eq!(log.times("start"), [0, 300, 600]);
    assert_eq!(log.times("end"), [250, 550]);
    assert_eq!(log.times("cancelled"), [700]);
}

#[test]
fn queue_runs_them_back_to_back() {
    VirtualClock::run(async {
        let log = Log::default();
        let l = log.clone();
        let timer = create_timer(move |_| tick(l.clone(), 150, 0), ms(100), Policy::Queue);
        sleep(640).await;
        assert_eq!(log.times("start"), [0, 150, 300, 450, 600]);
        timer.cancel().await;
        assert_eq!(log.count("cancelled"), 1);
    });
}

#[test]
fn queue_has_a_limit() {
    VirtualClock::run(async {
        let log = Log::default();
        let l = log.clone();
        let timer = TimerBuilder::new(ms(100))
            .policy(Policy::Queue)
            .max_queued(1)
            .start(move |_| tick(l.clone(), 1000, 0));
        sleep(950).await;
        assert_eq!(timer.ticks(), 1);
        assert_eq!(timer.skipped(), 8);
        timer.cancel().await;
    });
}

#[test]
fn accumulate_has_a_maximum() {
    VirtualClock::run(async {
        let log = Log::default();
        let l = log.clone();
        let timer = TimerBuilder::new(ms(100))
            .max_running(2)
            .start(move |_| tick(l.clone(), 450, 0));
        sleep(690).await;
        assert_eq!(log.times("start"), [0, 100, 500, 600]);
        assert_eq!((timer.ticks(), timer.skipped()), (4, 3));
        assert_eq!(timer.running(), 2);
        timer.cancel().await;
    });
}

/// A process that was suspended for several intervals: one tick at once, and on schedule again; `Queue` makes up for each.
#[test]
fn after_a_suspension() {
    for policy in crate::support::POLICIES {
        VirtualClock::builder().auto_advance(false).run(async {
            let clock = VirtualClock::current();
            let log = Log::default();
            let l = log.clone();
            let timer = create_timer(move |_| tick(l.clone(), 0, 0), ms(100), policy);
            clock.advance(ms(10)).await;
            // All at once, as a suspended process sees it.
            tokio::time::advance(ms(435)).await;
            clock.advance(ms(10)).await;
            let late = if policy == Policy::Queue { 4 } else { 1 };
            assert_eq!(log.count("start"), 1 + late, "{policy:?}");
            clock.advance(ms(100)).await;
            assert_eq!(log.times("start").last(), Some(&500), "{policy:?}");
            let skipped = if policy == Policy::Queue { 0 } else { 3 };
            assert_eq!(timer.skipped(), skipped, "{policy:?}");
            timer.cancel().await;
        });
    }
}

/// The callback of a tick sees the same counts as everybody else.
#[test]
fn a_tick_knows_what_was_left_out() {
    for policy in crate::support::POLICIES {
        VirtualClock::builder().auto_advance(false).run(async {
            let clock = VirtualClock::current();
            let (own, log) = (Arc::new(OnceLock::<Timer>::new()), Log::default());
            let (o, l) = (own.clone(), log.clone());
            let timer = create_timer(
                move |_| {
                    if let Some(timer) = o.get() {
                        l.add(format!("{} and {}", timer.ticks(), timer.skipped()));
                    }
                    async {}
                },
                ms(100),
                policy,
            );
            let timer = own.get_or_init(|| timer);
            clock.advance(ms(10)).await;
            tokio::time::advance(ms(435)).await;
            clock.advance(ms(10)).await;
            let seen = if policy == Policy::Queue {
                "5 and 0"
            } else {
                "2 and 3"
            };
            assert_eq!(log.count(seen), 1, "{policy:?}");
            timer.cancel().await;
        });
    }
}

/// A callback that panics makes no room for a tick that is not there.
#[test]
fn cancel_never_overlaps_where_a_callback_panics() {
    VirtualClock::run(async {
        let log = Log::default();
        let l = log.clone();
        let mut calls = 0;
        let timer = TimerBuilder::new(ms(100))
            .policy(Policy::Cancel)
            .on_error(|_| {})
            .start(move |_| {
                calls += 1;
                assert!(calls != 2, "no tick");
                tick(l.clone(), 1000, 150)
            });
        sleep(480).await;
        timer.cancel().await;
        assert_eq!(log.times("start"), [0, 350]);
        assert_eq!(log.times("cancelled")[0], 200);
        assert_eq!(log.times("cleaned")[0], 350);
    });
}
