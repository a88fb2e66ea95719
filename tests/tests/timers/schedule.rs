//! The schedule, and what the handle says and does about it.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use aiotools::{TimerBuilder, TimerDelayPolicy as Policy, TimerStart, VirtualClock, create_timer};

use crate::support::{Log, POLICIES, ms, sleep};

#[test]
fn ten_thousand_ticks_do_not_drift() {
    for policy in POLICIES {
        VirtualClock::run(async {
            let clock = VirtualClock::current();
            let wrong = Arc::new(AtomicU64::new(0));
            let (seen, c) = (wrong.clone(), clock.clone());
            let timer = create_timer(
                move |_| {
                    let (wrong, clock) = (seen.clone(), c.clone());
                    async move {
                        let late = clock.elapsed().as_micros() % 7_000;
                        wrong.fetch_add(u64::from(late != 0), Relaxed);
                    }
                },
                ms(7),
                policy,
            );
            sleep(7 * 10_000 - 1).await;
            assert_eq!(timer.ticks(), 10_000);
            assert_eq!(wrong.load(Relaxed), 0, "{policy:?}");
            timer.cancel().await;
        });
    }
}

#[test]
fn an_interval_that_is_no_whole_number_of_ms_does_not_drift() {
    VirtualClock::run(async {
        let timer = create_timer(
            |_| async {},
            std::time::Duration::from_micros(1_333),
            Policy::Skip,
        );
        sleep(13_331).await;
        assert_eq!(timer.ticks(), 10_001);
        assert_eq!(timer.skipped(), 0);
    });
}

#[test]
fn may_start_after_an_interval() {
    VirtualClock::run(async {
        let log = Log::default();
        let l = log.clone();
        let timer = TimerBuilder::new(ms(100))
            .first(TimerStart::AfterInterval)
            .start(move |_| {
                l.add("tick");
                async {}
            });
        sleep(250).await;
        assert_eq!(log.times("tick"), [100, 200]);
        timer.cancel().await;
    });
}

#[test]
fn says_when_it_ticks_next() {
    VirtualClock::run(async {
        let start = tokio::time::Instant::now();
        let timer = create_timer(|_| async {}, ms(100), Policy::Skip);
        assert_eq!(timer.next_at(), Some(start));
        sleep(150).await;
        assert_eq!(timer.next_at(), Some(start + ms(200)));
        assert_eq!(timer.interval(), ms(100));
        timer.cancel().await;
        assert_eq!(timer.next_at(), None);
        assert_eq!(timer.ticks(), 2);
    });
}

#[test]
fn trigger_now_is_a_tick_more() {
    for policy in POLICIES {
        VirtualClock::run(async {
            let log = Log::default();
            let l = log.clone();
            let timer = create_timer(
                move |_| {
                    l.add("tick");
                    async {}
                },
                ms(100),
                policy,
            );
            sleep(150).await;
            timer.trigger_now();
            sleep(1).await;
            timer.trigger_now();
            sleep(99).await;
            assert_eq!(log.times("tick"), [0, 100, 150, 151, 200], "{policy:?}");
            timer.cancel().await;
            timer.trigger_now();
            sleep(100).await;
            assert_eq!(log.count("tick"), 5);
        });
    }
}

/// However many there are at once, and with no other order of cost.
#[test]
fn each_trigger_is_a_tick() {
    for policy in [Policy::Accumulate, Policy::Skip, Policy::Queue] {
        VirtualClock::run(async {
            let timer = create_timer(|_| async {}, ms(1000), policy);
            for _ in 0..5_000 {
                timer.trigger_now();
            }
            sleep(1).await;
            assert_eq!((timer.ticks(), timer.skipped()), (5_001, 0), "{policy:?}");
            assert_eq!(timer.running(), 0);
        });
    }
}

#[test]
fn a_trigger_keeps_to_the_limits() {
    VirtualClock::run(async {
        let forever = |_| std::future::pending::<()>();
        let timer = TimerBuilder::new(ms(1000)).max_running(2).start(forever);
        for _ in 0..5 {
            timer.trigger_now();
        }
        sleep(1).await;
        assert_eq!((timer.ticks(), timer.skipped(), timer.running()), (2, 4, 2));
        let timer = TimerBuilder::new(ms(1000))
            .policy(Policy::Queue)
            .max_queued(3)
            .start(forever);
        sleep(1).await;
        for _ in 0..5 {
            timer.trigger_now();
        }
        sleep(1).await;
        assert_eq!((timer.ticks(), timer.skipped()), (1, 2));
    });
}

/// What was scheduled before leaves no trace.
#[test]
fn set_interval_again_and_again() {
    VirtualClock::run(async {
        let log = Log::default();
        let l = log.clone();
        let timer = create_timer(
            move |_| {
                l.add("tick");
                async {}
            },
            ms(50),
            Policy::Skip,
        );
        sleep(10).await;
        for n in 0..10_000 {
            timer.set_interval(ms(1 + n * 7919 % 100_000));
        }
        timer.set_interval(ms(70));
        sleep(200).await;
        assert_eq!(log.times("tick"), [0, 80, 150]);
    });
}

#[test]
fn set_interval_begins_a_new_schedule() {
    VirtualClock::run(async {
        let log = Log::default();
        let l = log.clone();
        let timer = create_timer(
            move |interval| {
                l.add(format!("{interval:?}"));
                async {}
            },
            ms(100),
            Policy::Skip,
        );
        sleep(150).await;
        timer.set_interval(ms(30));
        sleep(100).await;
        timer.set_interval(ms(1000));
        sleep(1010).await;
        assert_eq!(log.times("100ms"), [0, 100]);
        assert_eq!(log.times("30ms"), [180, 210, 240]);
        assert_eq!(log.times("1s"), [1250]);
    });
}

#[test]
fn jitter_delays_and_does_not_add_up() {
    VirtualClock::run(async {
        let log = Log::default();
        let l = log.clone();
        let timer = TimerBuilder::new(ms(1000)).jitter(ms(500)).start(move |_| {
            l.add("tick");
            async {}
        });
        sleep(99_990).await;
        let times = log.times("tick");
        assert_eq!(times.len(), 100);
        assert_eq!(times[0], 0);
        for (n, at) in times.iter().enumerate() {
            let due = n as u64 * 1000;
            assert!((due..=due + 500).contains(at), "tick {n} at {at}");
        }
        assert!(times.iter().any(|at| at % 1000 > 100));
        drop(timer);
    });
}

#[test]
fn many_timers_tick_in_order_of_time() {
    VirtualClock::run(async {
        let log = Log::default();
        let timers: Vec<_> = (1..200_u64)
            .map(|n| {
                let log = log.clone();
                let interval = ms(1 + n * 37 % 1000);
                TimerBuilder::new(interval)
                    .policy(Policy::Skip)
                    .first(TimerStart::AfterInterval)
                    .start(move |interval| {
                        let at = VirtualClock::current().elapsed();
                        assert_eq!(at.as_millis() % interval.as_millis(), 0);
                        log.add("tick");
                        async {}
                    })
            })
            .collect();
        sleep(10_001).await;
        let expected: u64 = timers
            .iter()
            .map(|timer| 10_000 / timer.interval().as_millis() as u64)
            .sum();
        sleep(0).await;
        let ticks: u64 = timers.iter().map(aiotools::Timer::ticks).sum();
        assert_eq!(ticks, expected);
        let times = log.times("tick");
        assert!(times.is_sorted());
    });
}

#[test]
#[should_panic(expected = "must not be zero")]
fn an_interval_of_zero_panics() {
    VirtualClock::run(async {
        drop(create_timer(
            |_| async {},
            std::time::Duration::ZERO,
            Policy::Skip,
        ));
    });
}
